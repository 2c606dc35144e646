import Foundation
import RunConfiguration
import Sweep
import TestSupport

/// Sweeps of small networks on drawings.
enum SmallSweep {
  private static let text = """
    model: {latentSize: 5, image: {height: 4, width: 5, channels: 1}}
    data: {kind: synthetic}
    batchSize: 16
    steps: 6
    logEvery: 1
    sampleEvery: 6
    reduction: ordered
    """

  static func configuration(_ overrides: [String] = []) throws -> Configuration {
    try Configuration.decode(text, source: "test", overrides: overrides)
  }

  static func plan(
    objectives: [String] = [], scopes: [String] = [], replicas: [Int] = [1, 2], seeds: Int = 1,
    _ overrides: [String] = []
  ) throws -> SweepPlan {
    try SweepPlan(
      configuration(overrides), objectives: objectives, scopes: scopes, replicas: replicas,
      seedCount: seeds
    ) { more in try configuration(overrides + more) }
  }

  /// Runs what is missing, without a signal.
  static func run(_ plan: SweepPlan, in directory: SweepDirectory) throws -> Int32 {
    let runner = SweepRunner(plan, in: directory, signal: { 0 }, onProgress: { _, _ in })
    return try runner.run(try runner.missing())
  }
}
