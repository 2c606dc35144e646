import Dispatch
import Execution
import Kernels
import Program
import ProgramPasses

/// Where the replicas of a process get their batches.
package protocol BatchProvider: AnyObject, Sendable {
  /// The images of step `step` for all replicas of the process, in their order. Waits until they
  /// are there.
  func acquire(step: Int) throws -> UnsafePointer<Float>
  /// Says that one worker has taken what it needs of the step's images.
  func release(step: Int)
  /// Goes on with the images of `step`; nobody holds any. Who has those of every step at any time need not do anything.
  func resume(at step: Int)
}

extension BatchProvider {
  package func resume(at step: Int) {}
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
  /// Whether the processes of a host have one copy of the parameters, of which each worker updates a
  /// stretch; otherwise each process has its own, and updates all of it.
  package var sharesUpdates: Bool

  package init(
    reduction: ReductionMode, libraries: KernelLibraries, seed: UInt64, timeout: Double,
    input: String, watched: [String], sharesUpdates: Bool = true
  ) {
    self.reduction = reduction
    self.libraries = libraries
    self.seed = seed
    self.timeout = timeout
    self.input = input
    self.watched = watched
    self.sharesUpdates = sharesUpdates
  }
}

/// The replicas of a process, on workers that compute together with those of all processes of the
/// host.
///
///     worker 0: replicas 0–3 ─ segment ─┐           ┌ sum and Adam of its stretch ┐           ┌ …
///                                       ├─ barrier ─┤                             ├─ barrier ─┤
///     worker 1: replicas 4–7 ─ segment ─┘           └ sum and Adam of its stretch ┘           └ …
///
/// With several hosts, a messenger in the first process of each adds the partial sums of all, chunk
/// by chunk while the workers still compute, and the workers take the totals (`HostMessenger`).
///
/// A program comes in variants that share variables and partial sums: the plain step, and one that
/// records more.
package final class ReplicaGroup {
  package let placement: Placement
  package let store: VariableStore
  /// Kept for those who count in them.
  private let buffers: SharedBuffers
  let workers: [Worker]
  let messenger: HostMessenger?
  /// The memory of what workers and messenger record.
  var tracks: [TimelineTrack] = []

  /// - Parameters:
  ///   - variants: lowered programs over the same variables; `run` says which one to run.
  ///   - processes: those that run the other replicas; all make their groups together.
  /// - Throws: `ReplicaError.execution`, `.communication`
  package init(
    _ variants: [ReplicaProgram], placement: Placement, store: VariableStore,
    options: ExecutionOptions, processes: any ProcessGroup = SingleProcess()
  ) throws(ReplicaError) {
    self.placement = placement
    self.store = store
    Machine.prepareProcess()
    let host = HostWorkers(placement, processes)
    let tree = options.reduction == .ordered ? ReductionTree(count: placement.replicas) : nil
    let partials = host.runs.map { Self.partialSums($0, tree) }
    var plans: [[Int: ExecutionPlan]] = []
    do throws(ExecutionError) {
      for variant in variants { plans.append(try Self.plans(of: variant, host.runs)) }
    } catch { throw .execution(error) }

    let buffers: SharedBuffers
    let rendezvous: Rendezvous
    do throws(CommunicationError) {
      buffers = try SharedBuffers(partials, plans.flatMap(\.values), processes)
      rendezvous = Rendezvous(
        host.participants, messenger: host.messenger, timeout: .seconds(options.timeout),
        spins: Rendezvous.spins(participants: host.runs.count, cores: processes.cores),
        memory: try processes.sharedFloats(
          count: Rendezvous.floatCount(participants: host.participants.count)))
    } catch { throw .communication(error) }

    self.buffers = buffers
    let isAcrossHosts = host.messenger != nil
    // Of several hosts, the messengers add.
    let merges = isAcrossHosts ? [] : tree.merges(of: partials.joined().map(\.replicas))
    let chunks =
      isAcrossHosts
      ? plans.compactMap(\.values.first).map {
        ReductionChunks($0, replicas: placement.replicas, hosts: processes.hosts.count)
      } : []
    do throws(ExecutionError) {
      workers = try host.own.enumerated().map { (index, worker) throws(ExecutionError) in
        let run = host.runs[worker]
        return try Worker(
          index: index, participant: worker, run: run, plans: plans.compactMap { $0[run.count] },
          reduces: { (plan, step) throws(ExecutionError) in
            try ReductionExecutor(
              plan, partials: buffers.partials.flatMap { $0 }, merges: merges,
              sums: isAcrossHosts ? nil : Share(worker, of: host.runs.count),
              updates: options.sharesUpdates
                ? Share(worker, of: host.runs.count) : Share(index, of: host.own.count),
              replicas: placement.replicas, store: store, reduced: buffers.reduced, step: step)
          },
          partials: zip(partials[worker], buffers.partials[worker]).map { ($0, $1) },
          reduced: buffers.reduced,
          progress: chunks.map { $0.progress(buffers.counters[worker]) },
          examplesOffset: run.lowerBound - store.replicas.lowerBound,
          store: store, rendezvous: rendezvous, options: options)
      }
    } catch { throw .execution(error) }
    do throws(CommunicationError) {
      messenger =
        if isAcrossHosts, let link = processes.link {
          try HostMessenger(
            link, host, rendezvous, placement, processes, variants: workers[0].variants,
            chunks: chunks,
            tree: tree, partials: zip(partials, buffers.partials).flatMap { zip($0, $1) },
            reduced: buffers.reduced, counters: buffers.counters, timeout: .seconds(options.timeout)
          )
        } else { nil }
    } catch { throw .communication(error) }
  }

  /// The partial sums that a worker makes: one in any order, or one for each complete subtree of its
  /// replicas.
  private static func partialSums(_ run: Range<Int>, _ tree: ReductionTree?) -> [SubtreeSum] {
    tree.partials(of: run).map { subtree in
      SubtreeSum(
        replicas: subtree, merges: tree?.merges(of: subtree.map { $0..<($0 + 1) }) ?? [])
    }
  }

  /// The plans of a program for each number of replicas that a worker has.
  private static func plans(
    of program: ReplicaProgram, _ runs: [Range<Int>]
  ) throws(ExecutionError) -> [Int: ExecutionPlan] {
    var plans: [Int: ExecutionPlan] = [:]
    for width in Set(runs.map(\.count)) {
      do throws(ProgramError) { plans[width] = try program.planned(width: width) } catch {
        throw .program(error)
      }
    }
    return plans
  }

  /// The floats that the groups of this host's processes take together: variables and moments,
  /// arenas, and partial sums.
  ///
  /// - Throws: `ReplicaError.execution`
  package static func floatCount(
    _ variants: [ReplicaProgram], placement: Placement, reduction: ReductionMode,
    sharesUpdates: Bool = true, processes: any ProcessGroup = SingleProcess()
  ) throws(ReplicaError) -> Int {
    let host = HostWorkers(placement, processes)
    var count = 0
    var reductionCount = 0
    do throws(ExecutionError) {
      for variant in variants {
        let plans = try plans(of: variant, host.runs)
        for run in host.runs { count += plans[run.count]?.arenaCount ?? 0 }
        reductionCount = max(reductionCount, plans.values.map(\.reductionCount).max() ?? 0)
      }
    } catch { throw .execution(error) }
    // Each partial sum has a buffer, and so have the reduced values.
    let tree = reduction == .ordered ? ReductionTree(count: placement.replicas) : nil
    count += (host.runs.flatMap { tree.partials(of: $0) }.count + 1) * reductionCount
    let processCount = processes.neighbours.count
    for variable in variants.first?.variables ?? [] {
      let copies =
        variable.role == .parameter
        ? 3 * (sharesUpdates ? 1 : processCount)
        : variable.type.distribution == .perReplica
          ? host.runs.reduce(0) { $0 + $1.count } : processCount
      count += copies * variable.type.shape.count
    }
    return count
  }

  /// Completed steps.
  package var completedSteps: Int { workers[0].completedSteps }

  /// Goes on as if `steps` steps had been completed: that many have been, in another run, and left the
  /// variables as they are now.
  package func resume(after steps: Int) {
    for worker in workers { worker.resume(after: steps) }
    messenger?.resume(after: steps)
  }

  /// What a step sends to other hosts from this process, in bytes.
  package func bytesSent(variant: Int = 0) -> Int { messenger?.bytesSent(variant: variant) ?? 0 }

  /// What worker 0 spent on other things than its own replicas' computations, since the group was made.
  package var communicationTime: CommunicationTime { workers[0].communicationTime }

  /// Runs `steps` steps of a variant, and returns when all workers of this process are done.
  ///
  /// - Parameter stamps: for each step, where to put the time in nanoseconds at which worker 0 completed it.
  /// - Throws: `ReplicaError`, the first failure of any worker.
  package func run(
    steps: Int, variant: Int = 0, batches: any BatchProvider,
    stamps: UnsafeMutableBufferPointer<UInt64>? = nil
  ) throws(ReplicaError) {
    try runWorkers(steps, variant, batches, stamps)
    let nonFinite = workers.compactMap(\.nonFinite)
    if let first = nonFinite.min(by: { ($0.step, $0.replica) < ($1.step, $1.replica) }) {
      throw .nonFinite(
        step: first.step, replica: first.replica, output: first.output, value: first.value)
    }
  }

  /// Runs steps, and returns when all workers of this process are done.
  ///
  /// - Parameter searches: of each worker, where steps are examined.
  func runWorkers(
    _ steps: Int, _ variant: Int, _ batches: any BatchProvider,
    _ stamps: UnsafeMutableBufferPointer<UInt64>? = nil, searches: [NonFiniteSearch]? = nil
  ) throws(ReplicaError) {
    let done = DispatchGroup()
    for worker in workers {
      worker.start(
        steps: steps, variant: variant, batches: batches,
        stamps: worker.index == 0 ? stamps : nil, search: searches?[worker.index], done)
    }
    messenger?.start(steps: steps, variant: variant, done)
    done.wait()
    var failures = workers.compactMap(\.failure)
    if let failure = messenger?.failure { failures.append(.communication(failure)) }
    // One that was only aborted by another one's failure knows no more than that.
    if let cause = failures.first(where: { !$0.isConsequence }) ?? failures.first { throw cause }
  }

  /// From now on, the time of every kernel call of a variant is taken.
  package func startProfile(variant: Int = 0) {
    for worker in workers { worker.variants[variant].startProfile() }
  }

  /// What the kernel calls took since `startProfile`, all workers together.
  package func profile(variant: Int = 0) -> [CallTime] {
    CallTime.merged(workers.flatMap { $0.variants[variant].profile })
  }

  /// The replicas of this process as the last run left them.
  package func replicas(variant: Int = 0) -> [Replica] {
    workers.flatMap { worker in
      worker.run.map {
        Replica(index: $0, executor: worker.variants[variant].executor, store: store)
      }
    }
  }
}

extension ReplicaError {
  /// Whether somebody else's failure is the cause, who says it better.
  package var isConsequence: Bool {
    if case .communication(let error) = self { error.isConsequence } else { false }
  }
}
