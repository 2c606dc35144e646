import Execution
import Kernels
import ProgramPasses

/// A communicator between threads of one process, which read each other's memory directly: that of
/// a process without others, and MPI's double in tests.
package final class LocalCommunicator: Communicator {
  package let participant: Int
  private let rendezvous: Rendezvous
  private let postings: Postings

  /// What each participant shows to the others between two barriers.
  private final class Postings: @unchecked Sendable {
    struct Posting {
      var bytes: [UInt8] = []
      var partials: [PartialSum] = []
      var sum = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    }

    let all: UnsafeMutableBufferPointer<Posting>

    init(count: Int) {
      all = .allocate(capacity: count)
      all.initialize(repeating: Posting())
    }

    deinit {
      all.deinitialize()
      all.deallocate()
    }
  }

  private init(participant: Int, rendezvous: Rendezvous, postings: Postings) {
    self.participant = participant
    self.rendezvous = rendezvous
    self.postings = postings
  }

  /// One communicator for each participant.
  ///
  /// - Parameters:
  ///   - timeout: how long a participant waits for the others in one operation.
  ///   - availableCores: with no more participants than cores, a barrier spins before it sleeps.
  package static func group(
    _ participants: [CommunicationError.Participant], timeout: Duration = .seconds(60),
    availableCores: Int = Machine.availableCores
  ) -> [LocalCommunicator] {
    let rendezvous = Rendezvous(
      participants, timeout: timeout,
      spins: Rendezvous.spins(participants: participants.count, cores: availableCores),
      memory: AlignedBuffer(count: Rendezvous.floatCount(participants: participants.count)))
    let postings = Postings(count: participants.count)
    return participants.indices.map {
      LocalCommunicator(participant: $0, rendezvous: rendezvous, postings: postings)
    }
  }

  package var participants: [CommunicationError.Participant] { rendezvous.participants }

  package func barrier(_ operation: StaticString, step: Int) throws(CommunicationError) {
    try rendezvous.wait(participant, operation, step: step)
  }

  package func abort(reason: String) {
    rendezvous.fail(
      .aborted(by: rendezvous.participants[participant], reason: reason), by: participant)
  }

  package func broadcast(
    _ bytes: [UInt8], from root: Int, step: Int
  ) throws(CommunicationError) -> [UInt8] {
    if participant == root { postings.all[participant].bytes = bytes }
    try barrier("broadcast", step: step)
    let received = postings.all[root].bytes
    try barrier("end of broadcast", step: step)
    return received
  }

  package func gather(
    _ bytes: [UInt8], to root: Int, step: Int
  ) throws(CommunicationError) -> [[UInt8]]? {
    postings.all[participant].bytes = bytes
    try barrier("gather", step: step)
    let all = participant == root ? postings.all.map(\.bytes) : nil
    try barrier("end of gather", step: step)
    return all
  }

  package func allReduce(
    _ partials: [PartialSum], into sum: UnsafeMutableBufferPointer<Float>, step: Int
  ) throws(CommunicationError) {
    postings.all[participant].partials = partials
    postings.all[participant].sum = sum
    try barrier("all-reduce", step: step)
    let all = postings.all.flatMap(\.partials)
    let sums = postings.all.map(\.sum)
    precondition(
      all.allSatisfy { $0.values.count == sum.count } && sums.allSatisfy { $0.count == sum.count },
      "an all-reduce takes buffers of one length")
    // Each adds its own segment, and writes it to the buffers of all.
    let segment = ParameterLayout.stretch(participant, of: count, in: 0..<sum.count)
    if let own = sum.baseAddress {
      let factory = try KernelFactory.forSums()
      _ = withExtendedLifetime(factory) { $0.sum(of: all, segment, into: own).run() }
      for other in sums {
        guard let other = other.baseAddress, other != own else { continue }
        (other + segment.lowerBound).update(from: own + segment.lowerBound, count: segment.count)
      }
    }
    try barrier("end of all-reduce", step: step)
  }
}
