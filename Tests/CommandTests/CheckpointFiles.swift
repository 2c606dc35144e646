import Foundation
import RunConfiguration
import RunFiles
import TestSupport
import Testing
import Training

/// Checkpoints of short runs, for the commands to read.
enum CheckpointFiles {
  static let text = """
    model: {latentSize: 5, image: {height: 4, width: 5, channels: 1}}
    data: {kind: synthetic}
    batchSize: 8
    replicas: 4
    threads: 1
    reduction: ordered
    """

  /// Writes a run directory with a checkpoint after each of `steps`, whose scores are given.
  static func write(
    _ name: String, in scratch: ScratchDirectory, steps: [Int] = [2], scores: [Double] = [],
    overrides: [String] = []
  ) throws {
    try FileManager.default.createDirectory(
      atPath: scratch.file("\(name)/checkpoints"), withIntermediateDirectories: true)
    let configuration = try Configuration.decode(text, source: "test", overrides: overrides)
    try scratch.write(configuration.yaml, as: "\(name)/config.yaml")
    let run = try TrainingRun(configuration, data: try RunData(configuration))
    for (index, step) in steps.enumerated() {
      try run.advance(steps: step - run.completedSteps)
      let score = index < scores.count ? scores[index] : nil
      let checkpoint = try #require(try run.checkpoint(seconds: 1.5, score: score))
      try checkpoint.write(
        to: RunDirectory(existing: scratch.file(name)).checkpoint(step: step))
    }
  }

  static func path(_ name: String, step: Int) -> String {
    RunDirectory(existing: name).checkpoint(step: step)
  }

  /// Changes a bit in the last byte of a file.
  static func damage(_ path: String, in scratch: ScratchDirectory) throws {
    var bytes = try scratch.data(path)
    bytes[bytes.count - 1] ^= 1
    try scratch.write(bytes, as: path)
  }
}
