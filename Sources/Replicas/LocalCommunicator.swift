import Glibc
import Kernels
import Synchronization

/// A communicator between threads of one process, which read each other's memory directly.
package final class LocalCommunicator: Communicator {
  package let participant: Int
  private let group: Rendezvous

  private init(participant: Int, group: Rendezvous) {
    self.participant = participant
    self.group = group
  }

  /// One communicator for each participant.
  ///
  /// - Parameters:
  ///   - runs: the replicas of each participant, which errors name.
  ///   - timeout: how long a participant waits for the others in one operation.
  ///   - availableCores: with no more participants than cores, a barrier spins before it blocks.
  package static func group(
    runs: [Range<Int>], timeout: Duration = .seconds(60),
    availableCores: Int = Machine.availableCores
  ) -> [LocalCommunicator] {
    let participants = runs.enumerated().map { index, replicas in
      CommunicationError.Participant(index: index, replicas: replicas)
    }
    let group = Rendezvous(
      participants, timeout: timeout, spins: runs.count <= availableCores ? 20_000 : 0)
    return runs.indices.map { LocalCommunicator(participant: $0, group: group) }
  }

  package var count: Int { group.participants.count }

  package func barrier(_ operation: StaticString, step: Int) throws(CommunicationError) {
    try group.wait(participant, operation, step)
  }

  package func abort(reason: String) {
    group.fail(.aborted(by: group.participants[participant], reason: reason))
  }

  package func broadcast(
    _ values: UnsafeMutableBufferPointer<Float>, from root: Int, step: Int
  ) throws(CommunicationError) {
    group.postings[participant].destination = values
    try barrier("broadcast", step: step)
    if participant != root {
      let source = group.postings[root].destination
      precondition(source.count == values.count, "a broadcast takes buffers of one length")
      _ = values.update(fromContentsOf: source)
    }
    try barrier("end of broadcast", step: step)
  }

  package func gather(
    _ values: [Float], to root: Int, step: Int
  ) throws(CommunicationError) -> [[Float]]? {
    group.postings[participant].gathered = values
    try barrier("gather", step: step)
    let all = participant == root ? group.postings.map(\.gathered) : nil
    try barrier("end of gather", step: step)
    return all
  }

  /// Makes this participant's partial sums known to all, once, before the first step.
  ///
  /// - Returns: those of all participants, in the order of the replicas, for `ReductionTree.merges(of:)` and the kernel that
  ///   adds them between two barriers of a step.
  package func publish(
    _ partials: [PartialSum], step: Int
  ) throws(CommunicationError) -> [PartialSum] {
    group.postings[participant].partials = partials
    try barrier("publish", step: step)
    let all = group.postings.flatMap(\.partials)
    try barrier("end of publish", step: step)
    return all
  }

  package func allReduce(
    _ partials: [PartialSum], into sum: UnsafeMutableBufferPointer<Float>, step: Int
  ) throws(CommunicationError) {
    group.postings[participant].destination = sum
    let all = try publish(partials, step: step)
    let replicas = all.map(\.replicas)
    let merges = ReductionTree(count: replicas.last?.upperBound ?? 0).merges(of: replicas)
    let destinations = group.postings.map(\.destination)
    precondition(
      all.allSatisfy { $0.values.count == sum.count }
        && destinations.allSatisfy { $0.count == sum.count },
      "an all-reduce takes buffers of one length")

    // Each writes its own segment in the buffers of all.
    var stack: [Float] = []
    for index in segment(of: sum.count) {
      for (partial, additions) in zip(all, merges) {
        stack.append(partial.values[index])
        for _ in 0..<additions {
          let right = stack.removeLast()
          stack[stack.count - 1] += right
        }
      }
      let total = stack.removeLast()
      for destination in destinations { destination[index] = total }
    }
    try barrier("all-reduce", step: step)
  }
}

/// What a group of threads shares: a barrier that spins, then blocks, and breaks for good when
/// someone is missing.
///
/// The last to arrive completes the barrier, and the number of completed barriers is what the
/// others wait on: it takes the place of a sense-reversing barrier's sense. It only changes under
/// the mutex, so that a barrier either completes for all or breaks.
private final class Rendezvous: @unchecked Sendable {
  /// What one participant shows to the others between two barriers.
  struct Posting {
    var partials: [PartialSum] = []
    var gathered: [Float] = []
    var destination = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
  }

  /// An arrival counter on cache lines of its own.
  private static let stride = 16

  let participants: [CommunicationError.Participant]
  let postings: UnsafeMutableBufferPointer<Posting>
  private let timeout: Duration
  private let spins: Int

  /// How many barriers are completed.
  private let completed = Atomic<Int>(0)
  /// Whether no further barrier will be completed; those that are stay so.
  private let isBroken = Atomic<Bool>(false)
  /// How many have arrived at the barrier that is under way.
  private let arrived = Atomic<Int>(0)
  /// To how many barriers each participant has come; who is behind is missing.
  private let arrivals: UnsafeMutablePointer<Atomic<Int>>
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// Why the group is broken; guarded by the mutex.
  private var failure: CommunicationError?

  init(_ participants: [CommunicationError.Participant], timeout: Duration, spins: Int) {
    precondition(!participants.isEmpty, "a group has at least one participant")
    self.participants = participants
    self.timeout = timeout
    self.spins = spins
    postings = .allocate(capacity: participants.count)
    postings.initialize(repeating: Posting())
    arrivals = .allocate(capacity: participants.count * Self.stride)
    for index in 0..<participants.count * Self.stride {
      (arrivals + index).initialize(to: Atomic(0))
    }
    pthread_mutex_init(mutex, nil)
    // A clock that nobody sets, so that a corrected time of day is no time-out.
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
    arrivals.deinitialize(count: participants.count * Self.stride)
    arrivals.deallocate()
    postings.deinitialize()
    postings.deallocate()
  }

  /// The barrier: arrives, and returns when all have.
  func wait(
    _ participant: Int, _ operation: StaticString, _ step: Int
  ) throws(CommunicationError) {
    let before = completed.load(ordering: .acquiring)
    if isBroken.load(ordering: .acquiring) { throw reason() }
    arrivals[participant * Self.stride].store(before + 1, ordering: .releasing)
    if arrived.add(1, ordering: .acquiringAndReleasing).newValue == participants.count {
      complete(before)
    } else {
      spin(while: before)
      block(while: before, operation, step)
    }
    if completed.load(ordering: .acquiring) == before { throw reason() }
  }

  /// Breaks the group, unless it is broken already.
  func fail(_ error: CommunicationError) {
    pthread_mutex_lock(mutex)
    breakGroup(error)
    pthread_mutex_unlock(mutex)
  }

  private func complete(_ before: Int) {
    arrived.store(0, ordering: .relaxed)
    pthread_mutex_lock(mutex)
    if failure == nil { completed.store(before + 1, ordering: .releasing) }
    pthread_mutex_unlock(mutex)
    pthread_cond_broadcast(condition)
  }

  /// Whether the barrier after `before` completed ones may still be completed, and is not.
  private func isWaiting(_ before: Int) -> Bool {
    completed.load(ordering: .acquiring) == before && !isBroken.load(ordering: .acquiring)
  }

  private func spin(while before: Int) {
    for _ in 0..<spins {
      if !isWaiting(before) { return }
      Machine.pause()
    }
  }

  /// Waits in slices, of which each counts as long as it should have been: while the whole process
  /// is stopped, or the machine sleeps, nobody is late.
  private func block(while before: Int, _ operation: StaticString, _ step: Int) {
    if !isWaiting(before) { return }
    let slice = min(timeout / 8, .seconds(1))
    var remaining = timeout
    pthread_mutex_lock(mutex)
    while isWaiting(before) {
      var deadline = Self.now(plus: slice)
      let result = pthread_cond_timedwait(condition, mutex, &deadline)
      if result == ETIMEDOUT { remaining -= slice }
      if remaining <= .zero, isWaiting(before) {
        let missing = participants.filter {
          arrivals[$0.index * Self.stride].load(ordering: .acquiring) <= before
        }
        breakGroup(
          .timedOut(
            operation: operation.description, step: step, missing: missing, timeout: timeout))
      }
    }
    pthread_mutex_unlock(mutex)
  }

  /// With the mutex held.
  private func breakGroup(_ error: CommunicationError) {
    if failure != nil { return }
    failure = error
    isBroken.store(true, ordering: .releasing)
    pthread_cond_broadcast(condition)
  }

  private func reason() -> CommunicationError {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard let failure else { preconditionFailure("a broken group has a reason") }
    return failure
  }

  private static func now(plus timeout: Duration) -> timespec {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let (seconds, attoseconds) = timeout.components
    let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000)
    return timespec(
      tv_sec: time.tv_sec + Int(seconds) + nanoseconds / 1_000_000_000,
      tv_nsec: nanoseconds % 1_000_000_000)
  }
}
