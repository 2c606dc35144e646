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
      [
        "train", Configurations.gan, "--steps", "2147483648", "--output", "run",
        "--set", "logEvery=1", "--set", "communication.timeout=\(timeout)",
      ] + Configurations.small, in: scratch)
    waitForStep(3)
  }

  /// Waits until a step is logged.
  func waitForStep(_ step: Int) {
    job.wait { ((try? scratch.text("run/shards.csv")) ?? "").contains("\n\(step),7,") }
  }

  /// The last logged step.
  func lastStep() throws -> Int {
    let table = try ShardsTable(scratch.text("run/shards.csv"))
    let last = try #require(table.rows.last?["step"])
    #expect(table.rows.count == 8 * Int(last))
    return Int(last)
  }

  /// Checks that the run directory is that of one process that trained so many steps.
  func expectCompleteFiles() throws {
    let steps = try lastStep()
    let outcome = try CommandProcess.run(
      [
        "train", Configurations.gan, "--steps", "\(steps)", "--output", "whole", "--quiet",
        "--set", "logEvery=1",
      ] + Configurations.small, in: scratch)
    try #require(outcome.code == 0, "\(outcome.errors)")
    #expect(
      try scratch.names(in: "run") == [
        "config.yaml", "metrics.jsonl", "reals.png", "samples", "shards.csv",
        "weights.safetensors",
      ])
    let weights = try TensorFile(scratch.file("run/weights.safetensors"))
    let whole = try TensorFile(scratch.file("whole/weights.safetensors"))
    #expect(weights.shapes == whole.shapes)
    for name in whole.shapes.keys {
      let (values, expected) = (weights.values(name), whole.values(name).map(Double.init))
      #expect(normError(values, expected) < 1e-3, "\(name)")
    }
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
