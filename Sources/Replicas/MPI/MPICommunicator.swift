import COpenMPI
import Execution
import Kernels
import Synchronization

/// A communicator between the ranks of an MPI job: messages to and from the participant that an
/// operation is about, so that it can name who is missing.
package final class MPICommunicator: Communicator, @unchecked Sendable {
  // Unchecked: one thread at a time takes part in an operation; `ended` has a lock.
  package let participant: Int
  /// What the others are called in errors.
  package private(set) var participants: [CommunicationError.Participant]
  let library: MPILibrary
  private let identities: [ProcessIdentity]
  /// The participants of each host.
  let hosts: [Range<Int>]
  private let hostCommunicator: MPI_Comm
  private(set) var timeout = Duration.seconds(60)
  /// Why the job ends, once that is known.
  private let ended = Mutex<CommunicationError?>(nil)

  private var sharedSum: SharedSum?

  private enum Tag: Int32 {
    case gather = 1
    case broadcast, arrival, departure, end
  }
  /// Tags from here on are free for `HostLink`.
  static let firstFreeTag: Int32 = 100

  /// - Parameter ofHost: MPI's communicator between the ranks of this host.
  init(
    _ library: MPILibrary, _ identities: [ProcessIdentity], hosts: [Range<Int>], ofHost: MPI_Comm
  ) {
    self.library = library
    hostCommunicator = ofHost
    self.identities = identities
    self.hosts = hosts
    participant = identities.firstIndex { $0.rank == Int(library.rank) } ?? 0
    participants = identities.enumerated().map { index, identity in
      CommunicationError.Participant(index: index, replicas: 0..<0, process: identity)
    }
  }

  /// Which of the hosts is this one.
  var host: Int { hosts.firstIndex { $0.contains(participant) } ?? 0 }
  /// The participants of this host.
  var neighbours: Range<Int> { hosts[host] }

  /// MPI's number of a participant.
  func rank(of participant: Int) -> Int32 { Int32(identities[participant].rank) }

  func prepare(_ placement: Placement, timeout: Duration) {
    self.timeout = timeout
    participants = participants.map {
      CommunicationError.Participant(
        index: $0.index, replicas: placement.run(rank: $0.index), process: $0.process)
    }
  }

  // MARK: - Operations

  package func barrier(_ operation: StaticString, step: Int) throws(CommunicationError) {
    _ = try collect([], to: 0, tag: .arrival, operation, step)
    _ = try spread([], from: 0, tag: .departure, operation, step)
  }

  package func broadcast(
    _ bytes: [UInt8], from root: Int, step: Int
  ) throws(CommunicationError) -> [UInt8] {
    try spread(bytes, from: root, tag: .broadcast, "broadcast", step)
  }

  package func gather(
    _ bytes: [UInt8], to root: Int, step: Int
  ) throws(CommunicationError) -> [[UInt8]]? {
    try collect(bytes, to: root, tag: .gather, "gather", step)
  }

  private func collect(
    _ bytes: [UInt8], to root: Int, tag: Tag, _ operation: StaticString, _ step: Int
  ) throws(CommunicationError) -> [[UInt8]]? {
    guard participant == root else {
      // A long message is taken when the root comes to this operation, which another may hold up.
      try send(bytes, to: root, tag, operation, step, grace: Patience.grace(timeout) * 2)
      return nil
    }
    var all = [[UInt8]?](repeating: nil, count: count)
    all[root] = bytes
    try poll(
      operation, step, grace: Patience.grace(timeout),
      missing: { all.indices.filter { all[$0] == nil } },
      until: { () throws(CommunicationError) in
        for source in all.indices where all[source] == nil {
          all[source] = try self.message(from: self.rank(of: source), tag)
        }
        return !all.contains(nil)
      })
    return all.compactMap { $0 }
  }

  private func spread(
    _ bytes: [UInt8], from root: Int, tag: Tag, _ operation: StaticString, _ step: Int
  ) throws(CommunicationError) -> [UInt8] {
    if participant == root {
      for target in 0..<count where target != root {
        try send(bytes, to: target, tag, operation, step)
      }
      return bytes
    }
    var received: [UInt8]?
    try poll(
      operation, step, grace: Patience.grace(timeout) * 2, missing: { [root] },
      until: { () throws(CommunicationError) in
        received = try self.message(from: self.rank(of: root), tag)
        return received != nil
      })
    return received ?? []
  }

  // MARK: - Messages

  private func send(
    _ bytes: [UInt8], to target: Int, _ tag: Tag, _ operation: StaticString, _ step: Int,
    grace: Duration = .zero
  ) throws(CommunicationError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    buffer.copyBytes(from: bytes)
    // An error leaves the buffer to MPI, which may still read it.
    var request: MPI_Request?
    try begin(buffer, to: target, tag, &request)
    try poll(
      operation, step, grace: grace, missing: { [target] },
      until: { () throws(CommunicationError) in try self.library.isComplete(&request) })
    buffer.deallocate()
  }

  private func begin(
    _ buffer: UnsafeMutableRawBufferPointer, to target: Int, _ tag: Tag,
    _ request: inout MPI_Request?
  ) throws(CommunicationError) {
    try library.call("MPI_Isend") {
      $0.Isend(
        buffer.baseAddress, Int32(buffer.count), $0.byte, rank(of: target),
        tag.rawValue, $0.world, &request)
    }
  }

  /// The next message from a rank; nil where none has come yet.
  private func message(from rank: Int32, _ tag: Tag) throws(CommunicationError) -> [UInt8]? {
    var flag: Int32 = 0
    var status = MPI_Status()
    var message: MPI_Message?
    try library.call("MPI_Improbe") {
      $0.Improbe(
        rank, tag.rawValue, $0.world, &flag, &message, &status)
    }
    guard flag != 0 else { return nil }
    var length: Int32 = 0
    try library.call("MPI_Get_count") { $0.Get_count(&status, $0.byte, &length) }
    var bytes = [UInt8](repeating: 0, count: Int(length))
    try library.call("MPI_Mrecv") {
      $0.Mrecv(&bytes, length, $0.byte, &message, nil)
    }
    return bytes
  }

  /// Waits for `condition`.
  ///
  /// - Parameter grace: for those who may be held up by another one, of whom somebody else knows.
  private func poll(
    _ operation: StaticString, _ step: Int, grace: Duration = .zero, missing: () -> [Int],
    until condition: () throws(CommunicationError) -> Bool
  ) throws(CommunicationError) {
    var patience = Patience(timeout + grace)
    while try !condition() {
      try check()
      if patience.isAtItsEnd {
        let error = CommunicationError.timedOut(
          operation: operation.description, step: step, missing: missing().map { participants[$0] },
          timeout: timeout)
        report(error)
        throw error
      }
    }
  }

  // MARK: - The end

  package func abort(reason: String) {
    report(.aborted(by: participants[participant], reason: reason))
  }

  /// Keeps why the job ends, and tells all others.
  func report(_ error: CommunicationError) {
    let isFirst = ended.withLock { ended in
      defer { ended = ended ?? error }
      return ended == nil
    }
    guard isFirst else { return }
    let text = UnsafeMutableRawBufferPointer.allocate(
      byteCount: error.description.utf8.count, alignment: 8)
    text.copyBytes(from: error.description.utf8)
    var requests: [MPI_Request?] = []
    for target in 0..<count where target != participant {
      var request: MPI_Request?
      do throws(CommunicationError) {
        try begin(text, to: target, .end, &request)
        requests.append(request)
      } catch { continue }
    }
    // Some may be stopped or dead: they need not hear it.
    var patience = Patience(.seconds(1))
    for index in requests.indices {
      while let isComplete = try? library.isComplete(&requests[index]), !isComplete,
        !patience.isAtItsEnd
      {}
    }
  }

  /// Throws what ended the job, if anything did.
  func check() throws(CommunicationError) {
    if let error = ended.withLock({ $0 }) { throw error }
    guard let bytes = try message(from: Int32(MPI_ANY_SOURCE), .end) else { return }
    let error = CommunicationError.reported(String(decoding: bytes, as: UTF8.self))
    ended.withLock { $0 = $0 ?? error }
    throw error
  }

  // MARK: - Shared memory and other hosts

  /// Zeros that all participants of this host share. Collective.
  func sharedFloats(count: Int) throws(CommunicationError) -> AlignedBuffer {
    // The host's first process has the memory; the others ask where they see it.
    let length = max(count, 16) * MemoryLayout<Float>.stride
    let owns = participant == neighbours.lowerBound && neighbours.count > 1
    if owns, Machine.availableSharedMemory < length {
      throw .sharedMemory(needed: length, available: Machine.availableSharedMemory)
    }
    // All participants' barriers, also of those who are alone on their hosts.
    try barrier("room for shared memory", step: 0)
    if neighbours.count == 1 {
      try barrier("shared memory", step: 0)
      return AlignedBuffer(count: count)
    }
    var pointer: UnsafeMutableRawPointer?
    var window: MPI_Win?
    try library.call("MPI_Win_allocate_shared") {
      $0.Win_allocate_shared(
        owns ? length + 64 : 0, 1, $0.no_info, hostCommunicator, &pointer, &window)
    }
    var size = 0
    var unit: Int32 = 0
    try library.call("MPI_Win_shared_query") {
      $0.Win_shared_query(window, 0, &size, &unit, &pointer)
    }
    guard let pointer, let window, size >= length else {
      throw .library(operation: "MPI_Win_shared_query", detail: "it gave too little memory")
    }
    if owns, !Machine.reserve(pointer, bytes: size) {
      throw .sharedMemory(needed: length, available: Machine.availableSharedMemory)
    }
    try barrier("shared memory", step: 0)
    let aligned = pointer.alignedUp(toMultipleOf: 64)
    return AlignedBuffer(
      aligned.bindMemory(to: Float.self, capacity: max(count, 1)), count: count,
      owner: MPIWindow(window))
  }

  /// To the other hosts, in the first participant of each of several.
  var link: MPIHostLink? {
    hosts.count > 1 && participant == neighbours.lowerBound
      ? MPIHostLink(self, leaders: hosts.map(\.lowerBound)) : nil
  }

  // MARK: - All-reduce

  package func allReduce(
    _ partials: [PartialSum], into sum: UnsafeMutableBufferPointer<Float>, step: Int
  ) throws(CommunicationError) {
    let shared = try memory(for: partials.map(\.replicas), count: sum.count, step: step)
    for (partial, buffer) in zip(partials, shared.own) {
      if let source = partial.values.baseAddress {
        buffer.pointer.update(from: source, count: sum.count)
      }
    }
    try shared.add(step: step)
    if let target = sum.baseAddress {
      target.update(from: shared.sum.pointer, count: sum.count)
    }
    try shared.release(step: step)
  }

  /// Memory of the last all-reduce, where it suits all participants; or else new memory.
  private func memory(
    for replicas: [Range<Int>], count: Int, step: Int
  ) throws(CommunicationError) -> SharedSum {
    let suits = sharedSum?.replicas == replicas && sharedSum?.sum.count == count
    let votes = try gather([suits], to: 0, step: step)
    let verdict = try broadcast([votes?.joined().allSatisfy { $0 } ?? suits], from: 0, step: step)
    if verdict == [true], let sharedSum { return sharedSum }
    let made = try makeSharedSum(of: replicas, count: count)
    sharedSum = made
    return made
  }

  /// Memory for sums of `count` values: what is written and read there needs no copy. Collective.
  ///
  /// - Parameter replicas: the subtrees whose sums this participant makes.
  package func makeSharedSum(
    of replicas: [Range<Int>], count: Int
  ) throws(CommunicationError) -> SharedSum {
    try SharedSum(self, replicas, count: count)
  }
}

/// Shared memory, which MPI frees with the job: giving it back earlier would be collective.
private final class MPIWindow: @unchecked Sendable {
  private let window: MPI_Win
  init(_ window: MPI_Win) { self.window = window }
}
