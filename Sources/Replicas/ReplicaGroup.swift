import Dispatch
import Execution
import Glibc
import Kernels
import Program
import ProgramPasses
import Synchronization

/// Where the replicas of a process get their batches.
package protocol BatchProvider: AnyObject, Sendable {
  /// The images of step `step` for all replicas of the process, in their order. Waits until they
  /// are there.
  func acquire(step: Int) throws -> UnsafePointer<Float>
  /// Says that one worker has taken what it needs of the step's images.
  func release(step: Int)
}

/// In what order the replicas' gradients are added.
package enum ReductionMode: String, Hashable, Sendable {
  /// Whatever is fastest for the placement.
  case fast
  /// Along `ReductionTree`: the same bits for every placement.
  case ordered
}

/// How a group of replicas is run.
package struct ExecutionOptions: Sendable {
  package var reduction: ReductionMode
  package var libraries: KernelLibraries
  package var seed: UInt64
  /// The longest wait for a worker, in seconds.
  package var timeout: Double
  /// The input that batches go into.
  package var input: String
  /// The outputs, scalars of each replica, that must stay finite.
  package var watched: [String]

  package init(
    reduction: ReductionMode, libraries: KernelLibraries, seed: UInt64, timeout: Double,
    input: String, watched: [String]
  ) {
    self.reduction = reduction
    self.libraries = libraries
    self.seed = seed
    self.timeout = timeout
    self.input = input
    self.watched = watched
  }
}

/// The replicas of a process, on workers that compute together.
///
///     worker 0: replicas 0–3 ─ segment ─┐           ┌ sum and Adam of its stretch ┐           ┌ …
///                                       ├─ barrier ─┤                             ├─ barrier ─┤
///     worker 1: replicas 4–7 ─ segment ─┘           └ sum and Adam of its stretch ┘           └ …
///
/// A program comes in variants that share variables and partial sums: the plain step, and one that
/// records more.
package final class ReplicaGroup {
  package let placement: Placement
  package let store: VariableStore
  private let workers: [Worker]

  /// - Parameter variants: lowered programs over the same variables; `run` says which one to run.
  /// - Throws: `ReplicaError.execution`
  package init(
    _ variants: [ReplicaProgram], placement: Placement, store: VariableStore,
    options: ExecutionOptions
  ) throws(ReplicaError) {
    self.placement = placement
    self.store = store
    let runs = (0..<placement.threads).map { placement.run(worker: $0) }
    let communicators = LocalCommunicator.group(runs: runs, timeout: .seconds(options.timeout))
    Machine.prepareProcess()

    do throws(ExecutionError) {
      let partials = Self.partialSums(placement, options.reduction)
      let all = partials.flatMap { $0 }
      let merges =
        options.reduction == .ordered
        ? ReductionTree(count: placement.replicas).merges(of: all.map(\.replicas))
        : ReductionTree(count: all.count).merges(of: all.indices.map { $0..<($0 + 1) })

      let plans = try variants.map { (variant) throws(ExecutionError) in
        try Self.plans(of: variant, placement)
      }
      let reductionCount = plans.flatMap { $0.values.map(\.reductionCount) }.max() ?? 0
      let reduced = AlignedBuffer(count: reductionCount)
      let buffers = partials.map { $0.map { _ in AlignedBuffer(count: reductionCount) } }

      workers = try runs.indices.map { (index) throws(ExecutionError) in
        try Worker(
          index: index, placement: placement, plans: plans.compactMap { $0[runs[index].count] },
          partials: zip(partials[index], buffers[index]).map { ($0, $1) },
          all: buffers.flatMap { $0 },
          merges: merges, reduced: reduced, store: store, communicator: communicators[index],
          options: options)
      }
    } catch { throw .execution(error) }
  }

  /// The partial sums that each worker makes: one in any order, or one for each complete subtree of
  /// its replicas.
  private static func partialSums(
    _ placement: Placement, _ reduction: ReductionMode
  ) -> [[SubtreeSum]] {
    let tree = ReductionTree(count: placement.replicas)
    return (0..<placement.threads).map { worker in
      let run = placement.run(worker: worker)
      return switch reduction {
      case .fast: [SubtreeSum(replicas: run, merges: [])]
      case .ordered:
        tree.subtrees(covering: run).map { subtree in
          SubtreeSum(replicas: subtree, merges: tree.merges(of: subtree.map { $0..<($0 + 1) }))
        }
      }
    }
  }

  /// The plans of a program for each number of replicas that a worker has.
  private static func plans(
    of program: ReplicaProgram, _ placement: Placement
  ) throws(ExecutionError) -> [Int: ExecutionPlan] {
    var plans: [Int: ExecutionPlan] = [:]
    for worker in 0..<placement.threads {
      let width = placement.run(worker: worker).count
      if plans[width] != nil { continue }
      do throws(ProgramError) { plans[width] = try program.planned(width: width) } catch {
        throw .program(error)
      }
    }
    return plans
  }

  /// The floats that a group takes: variables and moments, arenas, and partial sums.
  ///
  /// - Throws: `ReplicaError.execution`
  package static func floatCount(
    _ variants: [ReplicaProgram], placement: Placement, reduction: ReductionMode
  ) throws(ReplicaError) -> Int {
    var count = 0
    var reductionCount = 0
    do throws(ExecutionError) {
      for variant in variants {
        let plans = try plans(of: variant, placement)
        for worker in 0..<placement.threads {
          count += plans[placement.run(worker: worker).count]?.arenaCount ?? 0
        }
        reductionCount = max(reductionCount, plans.values.map(\.reductionCount).max() ?? 0)
      }
    } catch { throw .execution(error) }
    // Each partial sum has a buffer, and so have the reduced values.
    count += (partialSums(placement, reduction).joined().count + 1) * reductionCount
    for variable in variants.first?.variables ?? [] {
      let copies =
        variable.role == .parameter
        ? 3 : variable.type.distribution == .perReplica ? placement.replicas : 1
      count += copies * variable.type.shape.count
    }
    return count
  }

  /// Completed steps.
  package var completedSteps: Int { workers[0].completedSteps }

  /// Runs `steps` steps of a variant, and returns when all workers are done.
  ///
  /// - Parameter stamps: for each step, where to put the time in nanoseconds at which worker 0 completed it.
  /// - Throws: `ReplicaError`, the first failure of any worker.
  package func run(
    steps: Int, variant: Int = 0, batches: any BatchProvider,
    stamps: UnsafeMutableBufferPointer<UInt64>? = nil
  ) throws(ReplicaError) {
    let done = DispatchGroup()
    for worker in workers {
      worker.start(
        steps: steps, variant: variant, batches: batches,
        stamps: worker.index == 0 ? stamps : nil, done)
    }
    done.wait()
    let failures = workers.compactMap(\.failure)
    // A worker that was only aborted by another one's failure knows no more than that.
    if let cause = failures.first(where: { !$0.isConsequence }) ?? failures.first { throw cause }
    let nonFinite = workers.compactMap(\.nonFinite)
    if let first = nonFinite.min(by: { ($0.step, $0.replica) < ($1.step, $1.replica) }) {
      throw .nonFinite(
        step: first.step, replica: first.replica, output: first.output, value: first.value)
    }
  }

  /// From now on, the time of every kernel call of a variant is taken.
  package func startProfile(variant: Int = 0) {
    for worker in workers {
      worker.executors[variant].startProfile()
      worker.reductions[variant].startProfile()
    }
  }

  /// What the kernel calls took since `startProfile`, all workers together.
  package func profile(variant: Int = 0) -> [CallTime] {
    CallTime.merged(
      workers.flatMap { $0.executors[variant].profile + $0.reductions[variant].profile })
  }

  /// The replicas as the last run left them.
  package func replicas(variant: Int = 0) -> [Replica] {
    workers.flatMap { worker in
      worker.run.map { Replica(index: $0, executor: worker.executors[variant], store: store) }
    }
  }
}

extension ReplicaError {
  fileprivate var isConsequence: Bool {
    if case .communication(.aborted) = self { true } else { false }
  }
}

/// A thread, by way of a private serial queue, and the replicas that it runs.
private final class Worker: @unchecked Sendable {
  struct NonFinite {
    let step: Int
    let replica: Int
    let output: String
    let value: Float
  }

  let index: Int
  let run: Range<Int>
  let executors: [GroupExecutor]
  let reductions: [ReductionExecutor]
  private let queue: DispatchQueue
  private let communicator: any Communicator
  private let options: ExecutionOptions
  /// The position of the worker's first replica among the process's.
  private let examplesOffset: Int
  /// Completed steps: what random draws and Adam's bias correction read.
  private let step: UnsafeMutablePointer<Int64>
  private let watched: [[(name: String, replica: Int, pointer: UnsafePointer<Float>)]]

  private(set) var failure: ReplicaError?
  private(set) var nonFinite: NonFinite?

  init(
    index: Int, placement: Placement, plans: [ExecutionPlan],
    partials: [(sum: SubtreeSum, buffer: AlignedBuffer)], all: [AlignedBuffer], merges: [Int32],
    reduced: AlignedBuffer, store: VariableStore, communicator: any Communicator,
    options: ExecutionOptions
  ) throws(ExecutionError) {
    self.index = index
    let run = placement.run(worker: index)
    self.run = run
    self.communicator = communicator
    self.options = options
    examplesOffset = run.lowerBound - placement.run(rank: 0).lowerBound
    queue = DispatchQueue(label: "selfgan.worker.\(index)", qos: .userInitiated)
    let step = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    step.initialize(to: 0)
    self.step = step
    let executors = try plans.map { (plan) throws(ExecutionError) in
      try GroupExecutor(
        plan, replicas: run, partials: partials, store: store, reduced: reduced,
        seed: options.seed, step: step, libraries: options.libraries,
        separatesReplicas: options.reduction == .ordered)
    }
    self.executors = executors
    reductions = try plans.map { (plan) throws(ExecutionError) in
      try ReductionExecutor(
        plan, partials: all, merges: merges, share: (index, placement.threads),
        replicas: placement.replicas, store: store, reduced: reduced, step: step)
    }
    watched = executors.map { executor in
      options.watched.flatMap { name in
        run.compactMap { replica in
          executor.output(name, replica: replica).map { (name, replica, $0.pointer) }
        }
      }
    }
  }

  deinit { step.deallocate() }

  var completedSteps: Int { Int(step.pointee) }

  func start(
    steps: Int, variant: Int, batches: any BatchProvider,
    stamps: UnsafeMutableBufferPointer<UInt64>?, _ done: DispatchGroup
  ) {
    // The buffer is worker 0's alone until the run is over.
    nonisolated(unsafe) let stamps = stamps
    queue.async(group: done) { [self] in
      Machine.prepareThread()
      do throws(ReplicaError) {
        for position in 0..<steps {
          try runStep(variant: variant, batches: batches)
          if let stamps { stamps[position] = monotonicNanoseconds() }
        }
      } catch {
        failure = error
        communicator.abort(reason: "\(error)")
      }
    }
  }

  private func runStep(variant: Int, batches: any BatchProvider) throws(ReplicaError) {
    let executor = executors[variant]
    let reduction = reductions[variant]
    let completed = completedSteps
    try take(batches, completed, executor)

    let plan = executor.plan
    for segment in plan.segments.indices {
      do { try executor.run(segment: segment) } catch { throw .execution(error) }
      if segment == plan.rounds.count { break }
      try meet(
        "all-reduce", then: "update", completed
      ) { () throws(ExecutionError) in try reduction.run(round: segment) }
    }
    if executor.assignsReplicated {
      // Everyone has read what worker 0 now changes, and reads it again only once it has changed.
      try meet("end of the step", then: "assignment", completed) { () throws(ExecutionError) in
        if index == 0 { try executor.assignReplicated() }
      }
    }
    step.pointee += 1
    watch(variant)
  }

  /// Does this worker's share of a common work once everyone is there, and returns once everyone
  /// has done theirs.
  private func meet(
    _ start: StaticString, then end: StaticString, _ completed: Int,
    _ share: () throws(ExecutionError) -> Void
  ) throws(ReplicaError) {
    do throws(CommunicationError) { try communicator.barrier(start, step: completed) } catch {
      throw .communication(error)
    }
    do throws(ExecutionError) { try share() } catch { throw .execution(error) }
    do throws(CommunicationError) { try communicator.barrier(end, step: completed) } catch {
      throw .communication(error)
    }
  }

  private func take(
    _ batches: any BatchProvider, _ completed: Int, _ executor: GroupExecutor
  ) throws(ReplicaError) {
    guard let input = executor.input(options.input), let target = input.baseAddress else { return }
    do {
      let images = try batches.acquire(step: completed)
      target.update(from: images + examplesOffset * (input.count / run.count), count: input.count)
    } catch { throw .batch(error) }
    batches.release(step: completed)
  }

  /// Remembers the first loss that is no number.
  private func watch(_ variant: Int) {
    guard nonFinite == nil else { return }
    for output in watched[variant] where !output.pointer.pointee.isFinite {
      nonFinite = NonFinite(
        step: completedSteps, replica: output.replica, output: output.name,
        value: output.pointer.pointee)
      return
    }
  }
}
