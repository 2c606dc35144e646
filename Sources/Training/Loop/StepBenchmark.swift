import Execution
import Kernels
import Program
import ProgramPasses
import RunConfiguration

/// How fast a configuration's steps are.
package struct StepBenchmark: Encodable, Sendable {
  package struct Milliseconds: Encodable, Sendable {
    package let median: Double
    package let p10: Double
    package let p90: Double
  }

  package let model: String
  package let replicas: Int
  package let ranks: Int
  package let threads: Int
  package let reduction: String
  package let steps: Int
  package let millisecondsPerStep: Milliseconds
  package let examplesPerSecond: Double
  package let gigaflopsPerSecond: Double
  package let peakResidentBytes: Int
  /// What each operation of each layer takes, where asked for.
  package let profile: [Operation]?

  /// Milliseconds are of a step and one worker, on the average over the workers.
  package struct Operation: Encodable, Sendable {
    package let layer: String
    package let operation: String
    package let milliseconds: Double
    package let gigaflopsPerSecond: Double
    package let gigabytesPerSecond: Double
  }

  /// Runs `warmup` steps and then measures `steps`.
  ///
  /// - Parameter profiles: whether as many steps again are run to time every operation.
  package init(
    _ run: TrainingRun, warmup: Int, steps: Int, profiles: Bool = false
  ) throws(TrainingError) {
    let configuration = run.configuration
    try run.advance(steps: max(warmup, 1))
    let stamps = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: steps + 1)
    stamps.initialize(repeating: 0)
    defer { stamps.deallocate() }
    // One step more than is measured: a step's time is the distance from the one before.
    try run.advance(steps: steps + 1, stamps: stamps)
    let times = zip(stamps, stamps.dropFirst()).map { Double($1 &- $0) / 1e6 }.sorted()
    func quantile(_ fraction: Double) -> Double {
      times[min(times.count - 1, Int(fraction * Double(times.count)))]
    }

    model = configuration.model.kind.rawValue
    replicas = configuration.replicas
    ranks = 1
    threads = configuration.workerCount
    reduction = configuration.reduction.rawValue
    self.steps = steps
    millisecondsPerStep = Milliseconds(
      median: quantile(0.5), p10: quantile(0.1), p90: quantile(0.9))
    examplesPerSecond = Double(configuration.batchSize) * 1000 / quantile(0.5)
    gigaflopsPerSecond = Double(run.floatingPointOperations) / quantile(0.5) / 1e6
    peakResidentBytes = Machine.peakResidentBytes
    let workers = Double(threads)
    profile =
      profiles
      ? try run.profile(steps: steps).map { time in
        let nanoseconds = Double(time.nanoseconds)
        return Operation(
          layer: time.layer, operation: time.operation,
          milliseconds: nanoseconds / 1e6 / Double(steps) / workers,
          gigaflopsPerSecond: Double(time.floatingPointOperations) / nanoseconds,
          gigabytesPerSecond: Double(time.bytes) / nanoseconds)
      } : nil
  }
}
