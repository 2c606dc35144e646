import ArgumentParser
import Foundation
import RunAnalysis
import RunFiles

struct Shards: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what the replicas of runs did, and whether they differ.")

  @Argument(
    help: ArgumentHelp(
      "Run directories; latest is the highest numbered one in runs.", valueName: "run"))
  var runs: [String]

  @Option(help: "Only these steps: 100-200, or 100..<200.")
  var steps: StepRange?

  @Option(help: "Only these columns of the run's tables, separated by commas, each in detail.")
  var columns: String?

  @Flag(help: "Print everything as one JSON object.")
  var json = false

  @Flag(help: "Print everything as CSV, a line a number.")
  var csv = false

  @Option(help: "Write into this file instead.")
  var output: String?

  private var columnNames: [String]? { columns?.split(separator: ",").map(String.init) }

  /// The whole of `--json`.
  private struct Answer: Encodable {
    let runs: [ShardSummary]
    let configurationDifferences: [ConfigurationDifference]
  }

  func validate() throws {
    if json && csv { throw ValidationError("--json and --csv exclude each other.") }
    if columnNames?.isEmpty == true { throw ValidationError("--columns names no column.") }
  }

  func run() throws {
    try Failure.reporting {
      try Failure.requireName("--output", output, of: "a file")
      // All numbers are computed for machines, and those that are shown for people.
      let wanted = columnNames ?? (json || csv ? nil : ShardStatistics.leading)
      let shown = try ReadableRuns.map(runs) { archive throws(RunAnalysisError) in
        (archive, try ShardSummary(archive, steps: steps?.range, columns: wanted))
      }
      let (archives, summaries) = (shown.map(\.0), shown.map(\.1))
      for archive in archives {
        for problem in archive.problems { Failure.complain("\(archive.name): \(problem)") }
      }
      let text =
        if json {
          try Self.json(
            Answer(
              runs: summaries, configurationDifferences: ConfigurationDifference.between(archives)))
        } else if csv {
          ShardsCSV(summaries: summaries).text
        } else {
          ShardsText(
            summaries: summaries,
            configurations: ConfigurationDifference.sentence(
              archives, names: archives.map(\.name)),
            columns: wanted ?? [], isDetailed: columnNames != nil
          ).text
        }
      try write(text)
    }
  }

  private static func json(_ answer: Answer) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(answer), as: UTF8.self)
  }

  private func write(_ text: String) throws(RunFileError) {
    guard let output else { return print(text) }
    try OutputFile.write((text + "\n").utf8, to: output)
  }
}
