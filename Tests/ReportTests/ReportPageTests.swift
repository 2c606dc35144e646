import Foundation
import Report
import Testing

/// What a page promises without a browser; `browse.py` asks one.
struct ReportPageTests {
  /// A document with hostile names, texts and tables.
  static func document() throws -> [UInt8] {
    let here = URL(filePath: #filePath).deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: here.appending(path: "Fixtures/document.json")))
  }

  /// The text between the first `opening…>` and what closes it.
  static func content(of opening: String, until closing: String, in page: String) throws -> String {
    let start = try #require(page.range(of: opening))
    let tagEnd = try #require(page.range(of: ">", range: start.upperBound..<page.endIndex))
    let end = try #require(page.range(of: closing, range: tagEnd.upperBound..<page.endIndex))
    return String(page[tagEnd.upperBound..<end.lowerBound])
  }

  static func page(_ document: [UInt8], isLive: Bool = false) -> String {
    String(decoding: ReportPage.html(document: document, isLive: isLive), as: UTF8.self)
  }

  static func embedded(in page: String) throws -> String {
    try content(of: "<script type=\"application/json\"", until: "</script>", in: page)
  }

  @Test(arguments: [false, true])
  func theEmbeddedDocumentParsesToTheSameValue(isLive: Bool) throws {
    let document = try Self.document()
    let embedded = try Self.embedded(in: Self.page(document, isLive: isLive))
    let parsed = try JSONSerialization.jsonObject(with: Data(embedded.utf8)) as? NSDictionary
    let expected = try JSONSerialization.jsonObject(with: Data(document)) as? NSDictionary
    #expect(parsed != nil && parsed == expected)
  }

  @Test(arguments: [
    "</script><script>alert(1)</script>", "<!-- <script>", "]]>", "&lt;/script&gt;",
    "\u{2028}\u{2029}", "{{script}}{{style}}{{document}}{{", "é \u{2027}\u{202A} \u{1F600}",
    "</SCRIPT\t>", "\u{0}", "",
  ])
  func textOfADocumentStaysText(text: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    let document = try encoder.encode(["title": text, text: "name"])
    let page = Self.page([UInt8](document))
    let embedded = try Self.embedded(in: page)
    #expect(!embedded.contains { "<>&\u{2028}\u{2029}".contains($0) })
    #expect(
      try JSONDecoder().decode([String: String].self, from: Data(embedded.utf8))
        == ["title": text, text: "name"])
    // The page's own two script elements and its style, and no more.
    let empty = Self.page([UInt8]("{}".utf8))
    for tag in ["<script", "</script", "<style", "</style", "<!--", "<img"] {
      #expect(count(of: tag, in: page) == count(of: tag, in: empty))
    }
    #expect(count(of: "<script", in: page) == 2 && count(of: "</script", in: page) == 2)
  }

  @Test func nothingIsLoadedFromElsewhere() throws {
    let page = Self.page([UInt8]("{}".utf8), isLive: true)
    // The name of SVG is a name, not an address that is loaded.
    let addresses = page.matches(of: #/(?:https?:)?\/\/[a-z0-9][a-z0-9.\-]*\.[a-z]{2,}[^\s"'`)]*/#)
      .map { String($0.output) }
    #expect(Set(addresses) == ["http://www.w3.org/2000/svg"])
    for loader in ["@import", "url(", "<link rel=\"stylesheet", "<script src", "import(", "eval("] {
      #expect(!page.contains(loader))
    }
  }

  @Test(arguments: [false, true])
  func onlyThisStyleAndThisScriptMayRun(isLive: Bool) throws {
    let page = Self.page(try Self.document(), isLive: isLive)
    let policy = try #require(
      page.firstMatch(of: #/http-equiv="Content-Security-Policy" content="([^"]*)"/#)?.1)
    let rules = Dictionary(
      uniqueKeysWithValues: policy.split(separator: "; ").map { rule in
        let words = rule.split(separator: " ").map(String.init)
        return (words[0], Array(words.dropFirst()))
      })
    let nonce = try #require(policy.firstMatch(of: #/'nonce-([0-9a-f]{16,})'/#)?.1)
    let other = Self.page(try Self.document(), isLive: isLive)
    #expect(!other.contains(nonce))
    #expect(count(of: "nonce=\"\(nonce)\"", in: page) == 2)
    for element in ["style", "script"] {
      #expect(page.contains("<\(element) nonce=\"\(nonce)\">"))
      #expect(rules["\(element)-src"] == ["'nonce-\(nonce)'"])
    }
    #expect(rules["default-src"] == ["'none'"])
    #expect(rules["img-src"] == (isLive ? ["data:", "'self'"] : ["data:"]))
    #expect(rules["connect-src"] == (isLive ? ["'self'"] : nil))
    #expect(page.contains("data-live=\"\(isLive)\""))
  }

  @Test func everyScriptOfTheFolderIsInThePage() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Sources/Report/Page")
    let scripts = try FileManager.default.contentsOfDirectory(atPath: folder.path())
      .filter { $0.hasSuffix(".js") }
    let page = Self.page([UInt8]("{}".utf8))
    #expect(scripts.count > 10)
    for name in scripts {
      let script = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      #expect(count(of: script, in: page) == 1, "\(name)")
    }
  }

  private func count(of part: String, in text: String) -> Int {
    text.ranges(of: part).count
  }
}
