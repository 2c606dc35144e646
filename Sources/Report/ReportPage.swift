import CReportPage

/// A report as one HTML file that needs nothing else: no network, no other file.
///
/// The page's own files lie in `Page/`. Its policy (CSP) lets only the style and the script run that
/// bear the page's nonce, a random number that is drawn when the document is there already, so that
/// nothing which it contains can: a run's name, a configuration and a problem come from files that
/// anybody may have written.
package enum ReportPage {
  /// The page that shows a document.
  ///
  /// - Parameters:
  ///   - document: One JSON text in UTF-8. It is embedded as it is, but that `<`, `>`, `&` and the
  ///     separators U+2028 and U+2029, which valid JSON has in strings alone, are written as
  ///     escapes: it parses to the same value, and cannot end its script element.
  ///   - isLive: Whether the page asks its own server for `report.json` every two seconds and
  ///     may show that server's images.
  /// - Returns: The page, in UTF-8.
  /// - Complexity: O(`document.count`).
  package static func html(document: [UInt8], isLive: Bool) -> [UInt8] {
    let style = Array(reportPageStyle.contents)
    let script = Array(reportPageScript.contents)
    // 128 bits of the system's generator.
    let nonce = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined()
    var page: [UInt8] = []
    page.reserveCapacity(
      reportPageFrame.count + style.count + script.count + document.count + document.count / 8)
    var frame = reportPageFrame.contents[...]
    while let place = frame.nextPlace() {
      page += place.textBefore
      switch place.name {
      case "policy": page += policy(nonce: nonce, isLive: isLive).utf8
      case "nonce": page += nonce.utf8
      case "style": page += style
      case "script": page += script
      case "live": page += String(isLive).utf8
      case "document": page.appendEscaped(document)
      default: preconditionFailure("page.html has no place for \(place.name)")
      }
    }
    page += frame
    return page
  }

  /// The content security policy of a page with one style and one script.
  private static func policy(nonce: String, isLive: Bool) -> String {
    let own = isLive ? " 'self'" : ""
    let connections = isLive ? "connect-src 'self'; " : ""
    return "default-src 'none'; base-uri 'none'; form-action 'none'; \(connections)"
      + "img-src data:\(own); style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'"
  }
}

extension ReportPageFile {
  /// The file, which lives as long as the program.
  fileprivate var contents: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: bytes, count: count)
  }
}

extension Slice<UnsafeBufferPointer<UInt8>> {
  /// Takes all up to the next `{{name}}` and that away; nil where none is left.
  fileprivate mutating func nextPlace() -> (textBefore: Self, name: String)? {
    guard let open = indices.dropLast().first(where: { self[$0...].starts(with: "{{".utf8) }),
      let close = indices[open...].dropLast().first(where: {
        self[$0...].starts(with: "}}".utf8)
      })
    else { return nil }
    defer { self = self[(close + 2)...] }
    return (self[..<open], String(decoding: self[(open + 2)..<close], as: UTF8.self))
  }
}

extension [UInt8] {
  /// Appends JSON with what HTML or JavaScript could take for its own written as `\u` escapes.
  fileprivate mutating func appendEscaped(_ json: [UInt8]) {
    var index = 0
    while index < json.count {
      let byte = json[index]
      switch byte {
      case UInt8(ascii: "<"): self += "\\u003c".utf8
      case UInt8(ascii: ">"): self += "\\u003e".utf8
      case UInt8(ascii: "&"): self += "\\u0026".utf8
      // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
      case 0xE2 where json[index...].starts(with: [0xE2, 0x80, 0xA8]):
        self += "\\u2028".utf8
        index += 2
      case 0xE2 where json[index...].starts(with: [0xE2, 0x80, 0xA9]):
        self += "\\u2029".utf8
        index += 2
      default: append(byte)
      }
      index += 1
    }
  }
}
