import ArgumentParser
import Foundation
import Replicas
import RunConfiguration
import RunReport
import Sweep
import Training

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Runs a configuration with several numbers of replicas, and says what that changed.",
    discussion: """
      Every run of a seed has the same images, noise and first weights. Runs that --output has
      already are not run again.
      """)

  @OptionGroup var options: CommonRunOptions

  @Option(help: "Numbers of replicas to compare, separated by commas.")
  var replicas = "1,2,4,8"

  @Option(help: "How many seeds to run, counting up from the configuration's.")
  var seeds = 1

  @Option(help: "Values of batchNorm.scope to compare, separated by commas.")
  var scope: String?

  @Option(help: "Values of objective.kind to compare, separated by commas.")
  var objective: String?

  @Option(help: "The sweep's directory (default: runs/<configuration>-sweep).")
  var output: String?

  @Flag(help: "Check everything that can be checked, say what would be run, and run nothing.")
  var dryRun = false

  @Flag(help: "Print the findings as one JSON object.")
  var json = false

  @Flag(help: "No progress on standard error.")
  var quiet = false

  func run() throws {
    let interruption = Interruption()
    try Job.run { job in
      try Failure.requireOption(
        "mpirun", "\(job.processes.count) processes", job.processes.count == 1,
        expected: "a sweep without a launcher: its runs share this machine one after another")
      let plan = try plan()
      try Failure.requireName("--output", output, of: "a directory")
      let directory = SweepDirectory(path: output ?? "runs/\(options.name)-sweep")
      let progress = ProgressLine()
      let runner = SweepRunner(
        plan, in: directory, signal: { interruption.signal },
        onWarning: { Failure.complain("warning: \($0)") },
        onProgress: { if !quiet { progress.show($1, of: $0.name) } })
      let missing = try runner.missing()
      if !quiet {
        job.say("\(plan.cells.count) runs in \(directory.path), \(missing.count) of them to do")
      }
      if dryRun {
        for cell in missing { print(cell.name) }
        return
      }
      let signal: Int32
      do {
        signal = try runner.run(missing)
        progress.finish()
      } catch {
        progress.finish()
        throw error
      }
      try report(SweepResults(plan, in: directory), directory)
      if signal != 0 { throw ExitCode(128 + signal) }
    }
  }

  private func plan() throws -> SweepPlan {
    let numbers = try Self.words(replicas, of: "--replicas").map { word in
      guard let number = Int(word) else {
        throw Failure.ImpossibleOption(
          option: "--replicas", value: word, expected: "whole numbers separated by commas")
      }
      return number
    }
    try Failure.requireOption(
      "--replicas", replicas, Set(numbers).count == numbers.count,
      expected: "different whole numbers separated by commas")
    try Failure.requireOption(
      "--seeds", seeds, (1...1000).contains(seeds), expected: "1 to 1000")
    return try SweepPlan(
      try options.load(overrides: Self.checkpoints),
      objectives: try objective.map { try Self.words($0, of: "--objective") } ?? [],
      scopes: try scope.map { try Self.words($0, of: "--scope") } ?? [], replicas: numbers,
      seedCount: seeds
    ) { overrides throws(ConfigurationError) in
      try options.load(overrides: Self.checkpoints + overrides)
    }
  }

  /// Of each run one checkpoint stays, that of its end.
  private static let checkpoints = [
    "checkpoint.every=0", "checkpoint.keep=1", "checkpoint.best=none",
  ]

  /// The words of a list, of which each may be there once.
  private static func words(_ list: String, of option: String) throws -> [String] {
    let words = list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    try Failure.requireOption(
      option, list, Set(words).count == words.count && !words.contains(""),
      expected: "different values separated by commas")
    return words
  }

  /// Says what has been found, and writes the page.
  private func report(_ results: SweepResults, _ directory: SweepDirectory) throws {
    for problem in results.problems { Failure.complain(problem) }
    if results.cells.isEmpty { return }
    let comparison = Comparison(results)
    let document = ReportDocument(
      archives: results.cells.map(\.archive), title: "\(options.name): \(plan(of: results))",
      comparison: comparison, samples: .embedded)
    try document.writePage(to: directory.report)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(comparison), as: UTF8.self))
    } else {
      print(ComparisonText(comparison))
      print("\(directory.report)")
    }
  }

  private func plan(of results: SweepResults) -> String {
    "\(results.plan.replicas.map(String.init).joined(separator: ", ")) replicas"
  }
}
