import Dispatch
import Execution
import Kernels
import ProgramPasses
import Synchronization

/// A thread in the first process of each host that adds the sums of all hosts while the workers
/// still compute. It is a participant of the workers' barriers: once it has come, the totals are
/// there.
///
///     workers    ─ backward pass, counting the chunks ─┐           ┌ Adam ┐
///                     ▼         ▼         ▼            ├─ barrier ─┤      ├─ barrier ─ …
///     messenger  ─ chunk 0 ─ chunk 1 ─ chunk 2 ────────┘           └──────┘
final class HostMessenger: @unchecked Sendable {
  // Unchecked: one run at a time, and its owner reads only when that is over.
  private struct Variant {
    /// For each round.
    let exchanges: [HostExchange]
    /// The barriers that follow each round's exchange, and those at the end of a step.
    let barriers: [Int]
    let lastBarriers: Int
  }

  private let link: any HostLink
  private let host: HostWorkers
  private let rendezvous: Rendezvous
  private let variants: [Variant]
  private let counters: [UnsafeMutablePointer<Atomic<Int>>]
  /// How many chunks of each round are complete, ever, when the next step begins.
  private var completed: [Int]
  private var step = 0
  private let queue = DispatchQueue(label: "selfgan.messenger", qos: .userInitiated)
  private(set) var failure: CommunicationError?
  /// Where a timeline is made.
  var recorder: EventRecorder?

  /// - Parameters:
  ///   - variants: what any worker runs.
  ///   - chunks: those of each variant.
  ///   - partials: the partial sums of this host's workers.
  ///   - counters: how many chunks of each round each worker has completed.
  init(
    _ link: any HostLink, _ host: HostWorkers, _ rendezvous: Rendezvous, _ placement: Placement,
    _ processes: any ProcessGroup, variants: [WorkerVariant],
    chunks: [ReductionChunks], tree: ReductionTree?,
    partials: [(SubtreeSum, AlignedBuffer)], reduced: AlignedBuffer,
    counters: [UnsafeMutablePointer<Atomic<Int>>], timeout: Duration
  ) throws(CommunicationError) {
    self.link = link
    self.host = host
    self.rendezvous = rendezvous
    self.counters = counters
    // What each host's workers add before anybody else.
    let everyones = processes.hosts.map { processes in
      processes.flatMap { process in
        (0..<placement.threads).flatMap { thread in
          tree.partials(of: placement.run(rank: process, worker: thread))
        }
      }
    }
    let leaders = processes.hosts.map { neighbours in
      CommunicationError.Participant(
        index: neighbours.lowerBound, replicas: placement.run(rank: neighbours.lowerBound),
        process: processes.identities?[neighbours.lowerBound])
    }
    var tag = HostExchange.firstStepTag
    var made: [Variant] = []
    for (variant, chunks) in zip(variants, chunks) {
      var exchanges: [HostExchange] = []
      for chunks in chunks.rounds {
        exchanges.append(
          try HostExchange(
            link, host: processes.host, partials: everyones, tree: tree,
            own: partials.map {
              PartialSum(replicas: $0.replicas, values: UnsafeBufferPointer($1.values))
            },
            chunks: chunks, into: reduced.pointer, firstTag: tag, leaders: leaders,
            timeout: timeout))
        tag += 2 * chunks.count
      }
      made.append(
        Variant(
          exchanges: exchanges,
          barriers: chunks.rounds.indices.map { 1 + variant.reduction.phaseCount(ofRound: $0) },
          lastBarriers: variant.executor.assignsReplicated ? 2 : 0))
    }
    self.variants = made
    completed = Array(repeating: 0, count: made.map(\.exchanges.count).max() ?? 0)
  }

  /// What a step sends to other hosts, in bytes.
  func bytesSent(variant: Int) -> Int {
    variants[variant].exchanges.reduce(0) { $0 + $1.bytesSent }
  }

  /// Goes on as if `steps` steps had been completed.
  func resume(after steps: Int) { step = steps }

  func start(steps: Int, variant: Int, _ done: DispatchGroup) {
    queue.async(group: done) { [self] in
      do throws(CommunicationError) {
        for _ in 0..<steps { try runStep(variants[variant]) }
      } catch {
        // Whoever broke this host's group, the others hear of it here.
        if case .reported = error {} else { link.report(error.description) }
        rendezvous.fail(error, by: participant)
        failure = error
      }
    }
  }

  private var participant: Int { host.participants.count - 1 }

  private func runStep(_ variant: Variant) throws(CommunicationError) {
    recorder?.enter(step: step)
    let start = monotonicNanoseconds()
    for (round, exchange) in variant.exchanges.enumerated() {
      let before = completed[round]
      let beginning = monotonicNanoseconds()
      try exchange.run(
        step: step,
        isReady: { self.late(round, before + $0 + 1).isEmpty },
        late: { self.late(round, before + $0 + 1) },
        alive: { () throws(CommunicationError) in try self.rendezvous.beat() })
      completed[round] += exchange.chunks.count
      record(.exchange, since: beginning)
      for _ in 0..<variant.barriers[round] { try wait(.allReduce) }
    }
    for _ in 0..<variant.lastBarriers { try wait(.endOfStep) }
    step += 1
    record(.step, since: start)
  }

  private func wait(_ barrier: MessengerEvent) throws(CommunicationError) {
    let start = monotonicNanoseconds()
    try rendezvous.wait(participant, barrier.operation, step: step)
    record(barrier, since: start)
  }

  /// How many events a step is on a timeline.
  var eventCount: Int {
    variants.map { $0.barriers.reduce(1 + $0.barriers.count + $0.lastBarriers, +) }.max() ?? 0
  }

  /// The workers that have not completed so many chunks of a round.
  private func late(_ round: Int, _ count: Int) -> [CommunicationError.Participant] {
    counters.indices.filter {
      (counters[$0] + round).pointee.load(ordering: .acquiring) < count
    }.map { host.participants[$0] }
  }
}
