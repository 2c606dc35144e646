import Execution
import Program
import ProgramPasses
import Synchronization

/// The workers of all processes of this host, in the order of their replicas.
struct HostWorkers {
  /// The replicas of each worker.
  let runs: [Range<Int>]
  /// This process's workers among them.
  let own: Range<Int>
  /// The workers, and behind them the messenger, where there is one.
  let participants: [CommunicationError.Participant]
  /// The participant that waits for other hosts; nil where there are none.
  let messenger: Int?

  init(_ placement: Placement, _ processes: any ProcessGroup) {
    let neighbours = processes.neighbours
    let workers = neighbours.flatMap { process in
      (0..<placement.threads).map { (process: process, thread: $0) }
    }
    let runs = workers.map { placement.run(rank: $0.process, worker: $0.thread) }
    self.runs = runs
    let first = (processes.index - neighbours.lowerBound) * placement.threads
    own = first..<(first + placement.threads)
    var participants = workers.indices.map { index in
      CommunicationError.Participant(
        index: index, replicas: runs[index],
        process: processes.identities?[workers[index].process],
        worker: placement.threads > 1 ? workers[index].thread : nil)
    }
    if processes.hosts.count > 1 {
      messenger = participants.count
      participants.append(
        CommunicationError.Participant(
          index: participants.count, replicas: placement.run(rank: neighbours.lowerBound),
          process: processes.identities?[neighbours.lowerBound]))
    } else {
      messenger = nil
    }
    self.participants = participants
  }
}

/// What the workers of a host share while they run steps.
struct SharedBuffers {
  /// For each worker, one for each of its partial sums.
  let partials: [[AlignedBuffer]]
  /// The sums over all replicas.
  let reduced: AlignedBuffer
  /// For each worker, how many chunks of each round it has completed, ever.
  let counters: [UnsafeMutablePointer<Atomic<Int>>]
  private let countersMemory: AlignedBuffer

  /// Collective.
  ///
  /// - Parameter sums: the partial sums that each worker makes.
  init(
    _ sums: [[SubtreeSum]], _ plans: [ExecutionPlan], _ processes: any ProcessGroup
  ) throws(CommunicationError) {
    let count = plans.map(\.reductionCount).max() ?? 0
    let length = ParameterLayout.padded(count)
    let memory = try processes.sharedFloats(count: (sums.joined().count + 1) * length)
    var position = 0
    func next() -> AlignedBuffer {
      defer { position += length }
      return memory[position..<(position + count)]
    }
    reduced = next()
    partials = sums.map { $0.map { _ in next() } }

    // Whole cache lines for each worker.
    let rounds = plans.map(\.rounds.count).max() ?? 0
    let floats = ParameterLayout.padded(
      rounds * MemoryLayout<Int>.stride / MemoryLayout<Float>.stride)
    countersMemory = try processes.sharedFloats(count: sums.count * floats)
    let start = UnsafeMutableRawPointer(countersMemory.pointer)
    counters = sums.indices.map {
      (start + $0 * floats * MemoryLayout<Float>.stride)
        .assumingMemoryBound(to: Atomic<Int>.self)
    }
  }
}

extension VariableStore {
  /// The variables of this process's replicas.
  ///
  /// - Parameter sharesParameters: whether all processes of the host have one copy of the parameters; then collective.
  package convenience init(
    _ variables: [Variable], placement: Placement, seed: UInt64, sharesParameters: Bool,
    processes: any ProcessGroup
  ) throws(CommunicationError) {
    var shared: ParameterMemory?
    if sharesParameters {
      let count = ParameterLayout(variables).count
      let memory = try processes.sharedFloats(count: 3 * count)
      shared = ParameterMemory(
        parameters: memory[0..<count], firstMoments: memory[count..<(2 * count)],
        secondMoments: memory[(2 * count)..<(3 * count)], isWriter: processes.leads)
    }
    self.init(
      variables, replicas: placement.run(rank: processes.index), seed: seed, shared: shared)
  }
}
