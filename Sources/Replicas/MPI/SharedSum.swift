import Execution
import Kernels
import ProgramPasses

/// The sum over all replicas of one buffer each, in memory that the processes of a host share: every
/// process adds its own segment straight from the partial sums of all.
package final class SharedSum {
  /// The subtrees of this process.
  package let replicas: [Range<Int>]
  /// Where this process writes its partial sums.
  package let own: [AlignedBuffer]
  /// Where all processes of the host find the sum.
  package let sum: AlignedBuffer
  private let neighbour: Int
  private let rendezvous: Rendezvous
  private let factory: KernelFactory
  /// Adds this process's segment; nil where there are several hosts.
  private let addition: KernelCall?
  /// In the first process of each of several hosts.
  private let exchange: HostExchange?

  /// Collective.
  init(
    _ communicator: MPICommunicator, _ replicas: [Range<Int>], count: Int
  ) throws(CommunicationError) {
    self.replicas = replicas
    // Everyone learns everyone's subtrees.
    let bounds = replicas.flatMap { [Int32($0.lowerBound), Int32($0.upperBound)] }
    let gathered = try communicator.gather(bounds, to: 0, step: 0)
    let lengths = gathered.map { $0.map { Int32($0.count) } + $0.flatMap { $0 } }
    let table = try communicator.broadcast(lengths ?? [], from: 0, step: 0).map(Int.init)
    var position = communicator.count
    let everyones = (0..<communicator.count).map { participant in
      let end = position + table[participant]
      defer { position = end }
      return stride(from: position, to: end, by: 2).map { table[$0]..<table[$0 + 1] }
    }

    let (hosts, neighbours) = (communicator.hosts, communicator.neighbours)
    neighbour = communicator.participant - neighbours.lowerBound
    let onHost = neighbours.flatMap { everyones[$0] }
    let padded = ParameterLayout.padded(count)
    let memory = try communicator.sharedFloats(count: (onHost.count + 1) * padded)
    let buffers = onHost.indices.map { memory[($0 * padded)..<($0 * padded + count)] }
    sum = memory[(onHost.count * padded)..<(onHost.count * padded + count)]
    let before = neighbours.prefix(neighbour).reduce(0) { $0 + everyones[$1].count }
    own = Array(buffers[before..<(before + replicas.count)])
    let all = zip(onHost, buffers).map {
      PartialSum(replicas: $0, values: UnsafeBufferPointer($1.values))
    }
    factory = try .forSums()
    addition =
      hosts.count > 1
      ? nil
      : factory.sum(
        of: all, ParameterLayout.stretch(neighbour, of: neighbours.count, in: 0..<count),
        into: sum.pointer)
    rendezvous = Rendezvous(
      neighbours.map { communicator.participants[$0] }.enumerated().map { index, participant in
        CommunicationError.Participant(
          index: index, replicas: participant.replicas, process: participant.process)
      }, messenger: hosts.count > 1 ? 0 : nil, timeout: communicator.timeout, spins: 0,
      memory: try communicator.sharedFloats(
        count: Rendezvous.floatCount(participants: neighbours.count)))
    exchange =
      if let link = communicator.link {
        try HostExchange(
          link, host: communicator.host,
          partials: hosts.map { processes in processes.flatMap { everyones[$0] } },
          tree: ReductionTree(count: everyones.joined().map(\.upperBound).max() ?? 1), own: all,
          chunks: HostExchange.chunks(of: 0..<count, scale: 1, hosts: hosts.count),
          into: sum.pointer,
          firstTag: HostExchange.allReduceTag,
          leaders: hosts.map { communicator.participants[$0.lowerBound] },
          timeout: communicator.timeout)
      } else { nil }
  }

  /// Adds what all processes have written. Collective.
  package func add(step: Int) throws(CommunicationError) {
    try rendezvous.wait(neighbour, "all-reduce", step: step)
    _ = addition?.run()
    if let exchange {
      do throws(CommunicationError) {
        try exchange.run(
          step: step, isReady: { _ in true }, late: { _ in [] },
          alive: { () throws(CommunicationError) in try self.rendezvous.beat() })
      } catch {
        rendezvous.fail(error, by: neighbour)
        throw error
      }
    }
    try rendezvous.wait(neighbour, "the sum of an all-reduce", step: step)
  }

  /// Returns once all processes have read the sum; then all may write again. Collective.
  package func release(step: Int) throws(CommunicationError) {
    try rendezvous.wait(neighbour, "the end of an all-reduce", step: step)
  }
}
