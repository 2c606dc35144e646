import Foundation
import TestSupport
import Testing

/// A job that trains on drawings of a few pixels, and does not end by itself.
struct EndlessJob {
  let scratch: ScratchDirectory
  let job: MPIJob

  /// Starts it, and returns once its third step is logged.
  ///
  /// - Parameter timeout: how long a rank waits for another, in seconds.
  init(_ launch: MPIJob.Launch, timeout: Int = 60) throws {
    let scratch = try ScratchDirectory()
    self.scratch = scratch
    job = try MPIJob(
      launch,
      Self.arguments(steps: 1 << 31, output: "run")
        + ["--set", "communication.timeout=\(timeout)"],
      in: scratch)
    waitForStep(3)
  }

  private static func arguments(steps: Int, output: String) -> [String] {
    [
      "train", Configurations.gan, "--steps", "\(steps)", "--output", output,
      "--reduction", "ordered", "--set", "logEvery=1",
    ] + Configurations.small
  }

  /// Waits until a step is logged.
  func waitForStep(_ step: Int) {
    job.wait { ((try? scratch.text("run/shards.csv")) ?? "").contains("\n\(step),7,") }
  }

  /// The last logged step.
  func lastStep() throws -> Int {
    let table = try ShardsTable(scratch.text("run/shards.csv"))
    let last = Int(try #require(table.rows.last?["step"]))
    #expect(table.rows.count == 8 * last)
    return last
  }

  /// Checks that the run directory is that of one process that trained so many steps.
  func expectCompleteFiles() throws {
    let whole = try CommandProcess.run(
      Self.arguments(steps: try lastStep(), output: "whole") + ["--quiet"], in: scratch)
    try #require(whole.code == 0, "\(whole.errors)")
    #expect(
      try scratch.runFiles(in: "run") == unfinishedRunFiles + ["weights.safetensors"])
    let weights = try TensorFile(scratch.file("run/weights.safetensors"))
    #expect(
      try weights.differences(from: TensorFile(scratch.file("whole/weights.safetensors"))) == [])
    #expect(try scratch.data("run/shards.csv") == scratch.data("whole/shards.csv"))
  }
}

extension CommandProcess.Outcome {
  /// What processes of selfgan's complained of, as they said it, each with who said it in front:
  /// "" for rank 0. Without what mpirun says.
  var jobErrors: [(speaker: String, sentence: String)] {
    errors.split(separator: "\n").compactMap { line in
      guard let match = line.firstMatch(of: /^selfgan: (?:(rank \d+ on [^:]+): )?error: (.*)$/)
      else { return nil }
      return (String(match.1 ?? ""), String(match.2))
    }
  }
}
