import Foundation
import TestSupport
import Testing

/// `selfgan report`.
@Suite struct ReportCommandTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func report(_ arguments: String...) throws -> CommandProcess.Outcome {
    try CommandProcess.run(["report"] + arguments, in: scratch)
  }

  /// The document in a page.
  private func document(_ file: String) throws -> [String: Any] {
    let page = try scratch.text(file)
    let match = try #require(
      page.firstMatch(of: /<script[^>]*application\/json[^>]*>([^<]*)<\/script>/))
    let json = try JSONSerialization.jsonObject(with: Data(match.1.utf8))
    return try #require(json as? [String: Any])
  }

  @Test func aRunBecomesOneFileInItsDirectory() throws {
    try WrittenRun.make("run", in: scratch, steps: 3)
    let outcome = try report("run")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errors == "")
    #expect(outcome.output == "run/report.html\n")
    #expect(try document("run/report.html")["title"] as? String == "run")
    #expect(try !scratch.text("run/report.html").contains(/(src|href)="?http/))
    #expect(try scratch.names(in: "run").filter { $0.contains("partial") } == [])
  }

  @Test func severalRunsBecomeOneFileHere() throws {
    try WrittenRun.make("a", in: scratch, steps: 4)
    try WrittenRun.make("b", in: scratch, steps: 8)
    let outcome = try report("a", "b", "--title", "Both <b>")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output == "report.html\n")
    let document = try document("report.html")
    #expect(document["title"] as? String == "Both <b>")
    let names = (document["runs"] as? [[String: Any]])?.map { $0["name"] as? String }
    #expect(names == ["a", "b"])
    #expect(document["comparison"] is [String: Any])
  }

  @Test func anOlderFileIsReplaced() throws {
    try WrittenRun.make("run", in: scratch, steps: 3)
    try scratch.write("old", as: "page.html")
    let outcome = try report("run", "--output", "page.html")
    #expect(outcome.output == "page.html\n")
    #expect(try scratch.text("page.html").hasPrefix("<!doctype html>"))
    #expect(!scratch.exists("run/report.html"))
  }

  @Test func damageIsToldAndTheRestIsShown() throws {
    try WrittenRun.make("run", in: scratch, steps: 3)
    let table = try scratch.text("run/shards.csv")
    try scratch.write(String(table.dropLast(3)), as: "run/shards.csv")
    let outcome = try report("run", "missing")
    #expect(outcome.code == 0)
    let sentence = "line 7 is cut off; the 6 lines before it are used"
    #expect(outcome.errors.contains("selfgan: run: shards.csv: \(sentence)\n"))
    #expect(outcome.errors.contains("missing: there is no such directory"))
    let runs = try document("run/report.html")["runs"] as? [[String: Any]]
    #expect((runs?.first?["problems"] as? [String])?.contains("shards.csv: \(sentence)") == true)
  }

  @Test func whereThereIsNothingToShowOneSentenceSaysSo() throws {
    try scratch.write("", as: "file")
    expectSentence(try report("missing"), code: 65, naming: ["missing"])
    expectSentence(try report("file"), code: 65, naming: ["file"])
    try WrittenRun.make("run", in: scratch, steps: 0)
    expectSentence(try report("run"), code: 65, naming: ["run", "nothing was logged"])
    #expect(!scratch.exists("run/report.html"))
  }

  @Test func anOutputThatCannotBeWrittenIsRefused() throws {
    try WrittenRun.make("run", in: scratch, steps: 3)
    expectSentence(
      try report("run", "--output", "nowhere/page.html"), code: 65, naming: ["nowhere/page.html"])
  }
}
