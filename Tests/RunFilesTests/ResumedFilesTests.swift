import Foundation
import RunFiles
import TestSupport
import Testing

/// Files of lines that a resumed run goes on with.
@Suite struct ResumedFilesTests {
  private static let columns = RunTable.gradients.columns.count
  private static let header = RunTable.gradients.columns.joined(separator: ",") + "\n"

  private static func rows(_ steps: [Int]) -> String {
    steps.flatMap { step in
      (0..<2).map { "\(step),\($0)" + String(repeating: ",0.5", count: columns - 2) + "\n" }
    }.joined()
  }

  private static let tables: [(there: String, kept: String)] = [
    (header + rows([10, 20, 30, 40]), header + rows([10, 20])),
    (header + rows([10, 20]), header + rows([10, 20])),
    // Killed within a line; lost to a crash of the machine.
    (header + rows([10, 20]) + "30,0,0.", header + rows([10, 20])),
    (header + rows([10, 20]) + "20", header + rows([10, 20])),
    (header + rows([10, 20]) + "\0\0\0\0\n\0\0", header + rows([10, 20])),
    (header + rows([30]), header),
    (header, header),
    ("step,repl", header),
    ("", header),
  ]

  @Test(arguments: tables)
  func aTableGoesOnAfterTheStep(_ table: (there: String, kept: String)) throws {
    let scratch = try ScratchDirectory()
    let run = try RunDirectory(path: scratch.file("run"), name: "")
    try scratch.write(table.there, as: "run/gradients.csv")
    let log = try TableLog(.gradients, in: run, after: 25)
    #expect(try scratch.text("run/gradients.csv") == table.kept)
    for replica in 0..<2 {
      try log.append(
        step: 30, replica: replica, Array(repeating: 0.5, count: Self.columns - 2))
    }
    try log.flush()
    #expect(try scratch.text("run/gradients.csv") == table.kept + Self.rows([30]))
  }

  @Test func aTableThatIsNotThereBegins() throws {
    let scratch = try ScratchDirectory()
    let run = try RunDirectory(path: scratch.file("run"), name: "")
    _ = try TableLog(.gradients, in: run, after: 25)
    #expect(try scratch.text("run/gradients.csv") == Self.header)
  }

  @Test(arguments: ["", #"{"step":1"#, #"{"step":40}"# + "\n", "null\n", "\0\n"])
  func metricsGoOnAfterTheStep(_ tail: String) throws {
    let scratch = try ScratchDirectory()
    let kept = #"{"examples":64,"loss.self":null,"step":10}"# + "\n" + #"{"step":20}"# + "\n"
    try scratch.write(kept + #"{"step":30}"# + "\n" + tail, as: "metrics.jsonl")
    let log = try MetricsLog(path: scratch.file("metrics.jsonl"), after: 20)
    try log.append(
      MetricsLog.Line(step: 21, examples: 1, seconds: 1, millisecondsPerStep: 1, losses: [:]))
    let text = try scratch.text("metrics.jsonl")
    #expect(text.hasPrefix(kept))
    #expect(text.dropFirst(kept.count).split(separator: "\n").count == 1)
    #expect(text.hasSuffix(#""step":21}"# + "\n"))
  }
}
