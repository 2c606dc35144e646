import Dispatch
import Execution
import Glibc
import Kernels
import ProgramPasses
import Synchronization

/// What a worker spent on other things than its own replicas' computations.
package struct CommunicationTime: Sendable {
  /// At barriers, in nanoseconds.
  package var waiting: UInt64 = 0
  /// On its share of sums and updates, in nanoseconds.
  package var reducing: UInt64 = 0
}

/// One of the programs that a worker can run.
struct WorkerVariant {
  let executor: GroupExecutor
  let reduction: ReductionExecutor
  let watched: [(name: String, replica: Int, pointer: UnsafePointer<Float>)]

  func startProfile() {
    executor.startProfile()
    reduction.startProfile()
  }

  var profile: [CallTime] { executor.profile + reduction.profile }
}

/// A thread, by way of a private serial queue, and the replicas that it runs.
final class Worker: @unchecked Sendable {
  // Unchecked: one run at a time, and its owner reads only when that is over.
  struct NonFinite {
    let step: Int
    let replica: Int
    let output: String
    let value: Float
  }

  /// Among the workers of this process.
  let index: Int
  let run: Range<Int>
  let variants: [WorkerVariant]
  private let participant: Int
  private let queue: DispatchQueue
  private let rendezvous: Rendezvous
  private let input: String
  private let libraries: KernelLibraries
  /// The position of the worker's first replica among the process's.
  private let examplesOffset: Int
  /// Completed steps: what random draws and Adam's bias correction read.
  private let step: UnsafeMutablePointer<Int64>

  private(set) var failure: ReplicaError?
  private(set) var nonFinite: NonFinite?
  private(set) var communicationTime = CommunicationTime()
  /// Where a timeline is made.
  var recorder: EventRecorder?

  /// - Parameters:
  ///   - participant: which of the host's workers it is.
  ///   - plans: one for each variant.
  ///   - reduces: makes what the worker does between the segments of a plan.
  ///   - progress: for each variant, how it tells which chunks it has completed; empty where nobody waits for them.
  init(
    index: Int, participant: Int, run: Range<Int>, plans: [ExecutionPlan],
    reduces: (ExecutionPlan, UnsafePointer<Int64>) throws(ExecutionError) -> ReductionExecutor,
    partials: [(sum: SubtreeSum, buffer: AlignedBuffer)], reduced: AlignedBuffer,
    progress: [Progress], examplesOffset: Int, store: VariableStore,
    rendezvous: Rendezvous, options: ExecutionOptions
  ) throws(ExecutionError) {
    self.index = index
    self.participant = participant
    self.run = run
    self.rendezvous = rendezvous
    self.examplesOffset = examplesOffset
    input = options.input
    libraries = options.libraries
    queue = DispatchQueue(label: "selfgan.worker.\(index)", qos: .userInitiated)
    let step = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    step.initialize(to: 0)
    self.step = step
    variants = try plans.enumerated().map { (variant, plan) throws(ExecutionError) in
      let executor = try GroupExecutor(
        plan, replicas: run, partials: partials, store: store, reduced: reduced,
        seed: options.seed, step: step, libraries: options.libraries,
        separatesReplicas: options.reduction == .ordered,
        progress: progress.isEmpty ? nil : progress[variant])
      return WorkerVariant(
        executor: executor, reduction: try reduces(plan, step),
        watched: options.watched.flatMap { name in
          run.compactMap { replica in
            executor.output(name, replica: replica).map { (name, replica, $0.pointer) }
          }
        })
    }
  }

  deinit { step.deallocate() }

  var completedSteps: Int { Int(step.pointee) }

  /// Goes on as if `steps` steps had been completed. The worker is at rest.
  func resume(after steps: Int) { step.pointee = Int64(steps) }

  func start(
    steps: Int, variant: Int, batches: any BatchProvider,
    stamps: UnsafeMutableBufferPointer<UInt64>?, search: NonFiniteSearch?, _ done: DispatchGroup
  ) {
    // The buffer is worker 0's alone, and the search this worker's, until the run is over.
    nonisolated(unsafe) let stamps = stamps
    nonisolated(unsafe) let search = search
    nonFinite = nil
    queue.async(group: done) { [self] in
      Machine.prepareThread(libraries)
      do throws(ReplicaError) {
        for position in 0..<steps {
          try runStep(variants[variant], batches, search)
          if let stamps { stamps[position] = monotonicNanoseconds() }
        }
      } catch {
        failure = error
        rendezvous.fail(
          .aborted(by: rendezvous.participants[participant], reason: "\(error)"), by: participant)
      }
    }
  }

  /// - Parameter search: examines what is written; nil in most steps.
  private func runStep(
    _ variant: WorkerVariant, _ batches: any BatchProvider, _ search: NonFiniteSearch?
  ) throws(ReplicaError) {
    let executor = variant.executor
    let start = monotonicNanoseconds()
    recorder?.enter(step: completedSteps)
    try take(batches, executor)
    let plan = executor.plan
    for segment in plan.segments.indices {
      do throws(ExecutionError) {
        if let search {
          try executor.run(segment: segment, search)
        } else {
          try executor.run(segment: segment)
        }
      } catch { throw .execution(error) }
      if segment == plan.rounds.count { break }
      try wait(.allReduce)
      for phase in 0..<variant.reduction.phaseCount(ofRound: segment) {
        let start = monotonicNanoseconds()
        do throws(ExecutionError) {
          if let search {
            try variant.reduction.run(round: segment, phase: phase, search)
          } else {
            try variant.reduction.run(round: segment, phase: phase)
          }
        } catch { throw .execution(error) }
        communicationTime.reducing += monotonicNanoseconds() - start
        try wait(.update)
      }
    }
    if executor.assignsReplicated {
      // Everyone has read what worker 0 now changes, and reads it again only once it has changed.
      try wait(.endOfStep)
      if index == 0 {
        do { try executor.assignReplicated() } catch { throw .execution(error) }
      }
      try wait(.assignment)
    }
    step.pointee += 1
    watch(variant)
    record(.step, from: start, to: monotonicNanoseconds())
  }

  /// Returns once everyone has come this far.
  private func wait(_ barrier: WorkerEvent) throws(ReplicaError) {
    let start = monotonicNanoseconds()
    do throws(CommunicationError) {
      try rendezvous.wait(participant, barrier.operation, step: completedSteps)
    } catch { throw .communication(error) }
    let end = monotonicNanoseconds()
    communicationTime.waiting += end - start
    record(barrier, from: start, to: end)
  }

  private func take(
    _ batches: any BatchProvider, _ executor: GroupExecutor
  ) throws(ReplicaError) {
    guard let input = executor.input(input), let target = input.baseAddress else { return }
    do {
      let start = monotonicNanoseconds()
      let images = try batches.acquire(step: completedSteps)
      record(.data, from: start, to: monotonicNanoseconds())
      target.update(from: images + examplesOffset * (input.count / run.count), count: input.count)
    } catch { throw .batch(error) }
    batches.release(step: completedSteps)
  }

  /// Remembers the first loss that is no number.
  private func watch(_ variant: WorkerVariant) {
    guard nonFinite == nil else { return }
    for output in variant.watched where !output.pointer.pointee.isFinite {
      nonFinite = NonFinite(
        step: completedSteps, replica: output.replica, output: output.name,
        value: output.pointer.pointee)
      return
    }
  }
}
