import Execution
import Kernels
import Program
import ProgramPasses
import Replicas
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
  /// Of this process.
  package let peakResidentBytes: Int
  package let communication: Communication
  /// What each operation of each layer takes, where asked for.
  package let profile: [Operation]?
  /// What all-reduces take, where asked for, in a job of several processes.
  package let allReduce: AllReduce?

  package struct AllReduce: Encodable, Sendable {
    package let floats: Int
    /// Of buffers in the memory that the processes of a host share.
    package let sharedMilliseconds: Double
    /// Of buffers elsewhere.
    package let copiedMilliseconds: Double
    /// MPI's own.
    package let mpiMilliseconds: Double
  }

  /// What worker 0 of the first process does in a step beside its own replicas' computations.
  package struct Communication: Encodable, Sendable {
    /// At barriers, also for others that still compute.
    package let waitingMilliseconds: Double
    /// On its share of the sums and of the update.
    package let reducingMilliseconds: Double
    /// Both, as a part of the step.
    package let share: Double
    /// What a step sends from the first host to others.
    package let bytesSent: Int
  }

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
  /// - Parameters:
  ///   - profiles: whether as many steps again are run to time every operation.
  ///   - allReduced: of how many floats all-reduces are timed.
  package init(
    _ run: TrainingRun, warmup: Int, steps: Int, profiles: Bool = false, allReduced: Int? = nil
  ) throws(TrainingError) {
    let configuration = run.configuration
    try run.advance(steps: max(warmup, 1))
    let stamps = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: steps + 1)
    stamps.initialize(repeating: 0)
    defer { stamps.deallocate() }
    let before = run.communicationTime
    // One step more than is measured: a step's time is the distance from the one before.
    try run.advance(steps: steps + 1, stamps: stamps)
    let after = run.communicationTime
    let times = zip(stamps, stamps.dropFirst()).map { Double($1 &- $0) / 1e6 }.sorted()
    func quantile(_ fraction: Double) -> Double {
      times[min(times.count - 1, Int(fraction * Double(times.count)))]
    }

    model = configuration.model.kind.rawValue
    replicas = configuration.replicas
    ranks = run.placement.ranks
    threads = run.placement.threads
    reduction = configuration.reduction.rawValue
    self.steps = steps
    millisecondsPerStep = Milliseconds(
      median: quantile(0.5), p10: quantile(0.1), p90: quantile(0.9))
    examplesPerSecond = Double(configuration.batchSize) * 1000 / quantile(0.5)
    gigaflopsPerSecond = Double(run.floatingPointOperations) / quantile(0.5) / 1e6
    peakResidentBytes = Machine.peakResidentBytes
    let perStep = { (nanoseconds: UInt64) in Double(nanoseconds) / 1e6 / Double(steps + 1) }
    let waiting = perStep(after.waiting - before.waiting)
    let reducing = perStep(after.reducing - before.reducing)
    communication = Communication(
      waitingMilliseconds: waiting, reducingMilliseconds: reducing,
      share: (waiting + reducing) / max(times.reduce(0, +) / Double(times.count), 1e-9),
      bytesSent: run.bytesSent)
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
    do throws(CommunicationError) {
      allReduce = try allReduced.flatMap { (count) throws(CommunicationError) in
        try AllReduceBenchmark(run.processes, count: count).map { times in
          AllReduce(
            floats: count, sharedMilliseconds: times.shared, copiedMilliseconds: times.copied,
            mpiMilliseconds: times.mpi)
        }
      }
    } catch { throw .replicas(.communication(error)) }
  }
}
