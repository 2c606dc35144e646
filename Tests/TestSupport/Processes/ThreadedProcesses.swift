import Execution
import Replicas
import Synchronization

/// One process of a job of several on several hosts, all inside of one process: MPI's double. Each
/// is whatever thread uses it.
package final class ThreadedProcesses: ProcessGroup {
  package let communicator: any Communicator
  package let identities: [ProcessIdentity]?
  package let hosts: [Range<Int>]
  package let cores: Int
  package var coresPerProcess: Int { 1 }
  package let link: (any HostLink)?
  private let memory: HostMemory
  private let buffersTaken = Atomic<Int>(0)

  private init(
    communicator: any Communicator, identities: [ProcessIdentity], hosts: [Range<Int>],
    cores: Int, link: (any HostLink)?, memory: HostMemory
  ) {
    self.communicator = communicator
    self.identities = identities
    self.hosts = hosts
    self.cores = cores
    self.link = link
    self.memory = memory
  }

  /// The processes of a job, in their order.
  ///
  /// - Parameters:
  ///   - timeout: of the communicator.
  ///   - cores: of each host; with no fewer than its workers, these spin before they sleep.
  ///   - disorder: a seed, for messages between hosts that take their time and overtake each other; nil for messages that
  ///     arrive at once.
  package static func job(
    _ shape: JobShape, replicas: Int, timeout: Duration = .seconds(60), cores: Int = 1,
    disorder: Int? = nil
  ) -> [ThreadedProcesses] {
    let placement = shape.placement(replicas: replicas)
    var hosts: [Range<Int>] = []
    for count in shape.hosts {
      let start = hosts.last?.upperBound ?? 0
      hosts.append(start..<(start + count))
    }
    let identities = hosts.enumerated().flatMap { host, processes in
      processes.map { ProcessIdentity(rank: $0, host: "host\(host)") }
    }
    let participants = identities.indices.map {
      CommunicationError.Participant(
        index: $0, replicas: placement.run(rank: $0), process: identities[$0])
    }
    let end = JobEnd()
    let local = LocalCommunicator.group(participants, timeout: timeout).map {
      EndingCommunicator($0, end)
    }
    let network = Network()
    return hosts.enumerated().flatMap { host, processes in
      let memory = HostMemory()
      return processes.map { process in
        let isLink = hosts.count > 1 && process == processes.lowerBound
        return ThreadedProcesses(
          communicator: local[process], identities: identities, hosts: hosts, cores: cores,
          link: isLink
            ? ThreadedLink(network, host: host, end, local[process], disorder: disorder) : nil,
          memory: memory)
      }
    }
  }

  package func prepare(_ placement: Placement, timeout: Duration) {}

  package func sharedFloats(count: Int) throws(CommunicationError) -> AlignedBuffer {
    try communicator.barrier("the start of shared memory", step: 0)
    let position = buffersTaken.add(1, ordering: .relaxed).oldValue
    let buffer = memory.buffer(position, count: count)
    guard buffer.count == count else {
      throw .library(
        operation: "shared memory",
        detail: "buffer \(position) has \(buffer.count) floats for one, \(count) for another")
    }
    return buffer
  }

  package func finish() throws(CommunicationError) {
    try communicator.barrier("the end of the job", step: 0)
  }
}

/// What the processes of one host share: the n-th buffer that each asks for is the same.
private final class HostMemory: Sendable {
  private let buffers = Mutex<[AlignedBuffer]>([])

  func buffer(_ position: Int, count: Int) -> AlignedBuffer {
    buffers.withLock { buffers in
      if position == buffers.count { buffers.append(AlignedBuffer(count: count)) }
      return buffers[position]
    }
  }
}

/// Why the job ended, as all processes hear it.
final class JobEnd: Sendable {
  private let sentence = Mutex<String?>(nil)

  func report(_ text: String) { sentence.withLock { $0 = $0 ?? text } }

  func check() throws(CommunicationError) {
    if let text = sentence.withLock({ $0 }) { throw .reported(text) }
  }
}

/// Whoever aborts is heard on the links between hosts, too.
private final class EndingCommunicator: Communicator {
  private let local: LocalCommunicator
  private let end: JobEnd

  init(_ local: LocalCommunicator, _ end: JobEnd) {
    self.local = local
    self.end = end
  }

  var participant: Int { local.participant }
  var participants: [CommunicationError.Participant] { local.participants }

  func barrier(_ operation: StaticString, step: Int) throws(CommunicationError) {
    try local.barrier(operation, step: step)
  }

  func broadcast(
    _ bytes: [UInt8], from root: Int, step: Int
  ) throws(CommunicationError) -> [UInt8] {
    try local.broadcast(bytes, from: root, step: step)
  }

  func gather(
    _ bytes: [UInt8], to root: Int, step: Int
  ) throws(CommunicationError) -> [[UInt8]]? {
    try local.gather(bytes, to: root, step: step)
  }

  func allReduce(
    _ partials: [PartialSum], into sum: UnsafeMutableBufferPointer<Float>, step: Int
  ) throws(CommunicationError) {
    try local.allReduce(partials, into: sum, step: step)
  }

  func abort(reason: String) {
    end.report(
      CommunicationError.aborted(by: participants[participant], reason: reason).description)
    local.abort(reason: reason)
  }
}
