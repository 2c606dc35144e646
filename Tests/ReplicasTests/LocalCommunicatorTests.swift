import Dispatch
import ProgramPasses
import Replicas
import Synchronization
import TestSupport
import Testing

@Suite struct LocalCommunicatorTests {
  /// Participants with two replicas each.
  private static func group(
    _ count: Int, timeout: Duration = .seconds(60), cores: Int = 2
  ) -> [LocalCommunicator] {
    LocalCommunicator.group(
      participants(running: (0..<count).map { 2 * $0..<2 * $0 + 2 }), timeout: timeout,
      availableCores: cores)
  }

  /// Nobody leaves a barrier before all have come: each sees everyone's count at least at its own. Spinning and blocking.
  @Test(arguments: [1, 2, 4, 8], [0, 8])
  func barriersKeepTheParticipantsTogether(count: Int, cores: Int) {
    let group = Self.group(count, cores: cores)
    let arrivals = Counters(count)
    // Threads that spin while others need their core make a barrier slow, and prove as much in fewer.
    let barriers = cores == 0 ? 10_000 : 100
    let failures = onWorkers(count) { participant in
      var early = 0
      let error = communicationError { () throws(CommunicationError) in
        for step in 0..<barriers {
          arrivals.increment(participant)
          try group[participant].barrier("test", step: step)
          if !(0..<count).allSatisfy({ arrivals.value($0) > step }) { early += 1 }
        }
      }
      return early + (error == nil ? 0 : 1)
    }
    #expect(failures == Array(repeating: 0, count: count))
  }

  /// As a step does it: partial sums in plain memory that all know, each adding its own segment between two barriers.
  @Test(arguments: [1, 2, 4, 8])
  func partialSumsThatAllKnowAreAddedSegmentBySegment(count: Int) {
    let length = 1_003
    let group = Self.group(count)
    let partials = (0..<count).map { _ in SharedFloats(length) }
    let sum = SharedFloats(length)
    let merges = ReductionTree(count: count).merges(of: (0..<count).map { $0..<$0 + 1 })
    let wrong = onWorkers(count) { participant in
      var wrong = 0
      let communicator = group[participant]
      let error = communicationError { () throws(CommunicationError) in
        for step in 0..<200 {
          for index in 0..<length {
            partials[participant][index] = Self.value(participant, step, index)
          }
          try communicator.barrier("all-reduce", step: step)
          for index in ParameterLayout.stretch(participant, of: count, in: 0..<length) {
            var stack: [Float] = []
            for (partial, additions) in zip(partials, merges) {
              stack.append(partial[index])
              for _ in 0..<additions {
                let right = stack.removeLast()
                stack[stack.count - 1] += right
              }
            }
            sum[index] = stack[0]
          }
          try communicator.barrier("end of all-reduce", step: step)
          for index in 0..<length {
            let expected = Self.sequentialSum(0..<count) { Self.value($0, step, index) }
            if sum[index].bitPattern != expected.bitPattern { wrong += 1 }
          }
          // Nobody overwrites what another still compares.
          try communicator.barrier("compared", step: step)
        }
      }
      return wrong + (error == nil ? 0 : 1)
    }
    #expect(wrong == Array(repeating: 0, count: count))
  }

  /// Eight replicas on 1, 2, 3, 4, 5 and 8 participants: the sum has the bits of the contract's tree on every placement.
  @Test(arguments: [1, 2, 3, 4, 5, 8])
  func everyPlacementReducesToTheSameBits(count: Int) {
    let length = 333
    let tree = ReductionTree(count: 8)
    let placement = Placement(replicas: 8, threads: count)
    let runs = (0..<count).map { placement.run(worker: $0) }
    let group = LocalCommunicator.group(participants(running: runs))
    let sums = onWorkers(count) { participant in
      let nodes = tree.subtrees(covering: runs[participant])
      let buffers = nodes.map { node in
        let buffer = SharedFloats(length)
        for index in 0..<length {
          buffer[index] = Self.sequentialSum(node) { Self.value($0, 0, index) }
        }
        return buffer
      }
      let sum = SharedFloats(length)
      let error = communicationError { () throws(CommunicationError) in
        try group[participant].allReduce(
          zip(nodes, buffers).map {
            PartialSum(replicas: $0, values: UnsafeBufferPointer($1.buffer))
          }, into: sum.buffer, step: 0)
      }
      // The partial sums are read by others until the all-reduce is over.
      return withExtendedLifetime(buffers) {
        error == nil ? (0..<length).map { sum[$0].bitPattern } : []
      }
    }
    let expected = (0..<length).map { index in
      Self.sequentialSum(0..<8) { Self.value($0, 0, index) }.bitPattern
    }
    #expect(sums == Array(repeating: expected, count: count))
  }

  /// Also where values are so few that some participants have none to add.
  @Test(arguments: [1, 2, 4, 8], [0, 1, 50])
  func repeatedAllReducesAddAlongTheTreeOverParticipants(count: Int, length: Int) {
    let group = LocalCommunicator.group(
      participants(running: (0..<count).map { $0..<$0 + 1 }))
    let wrong = onWorkers(count) { participant in
      let own = SharedFloats(length)
      let sum = SharedFloats(length)
      var wrong = 0
      let error = communicationError { () throws(CommunicationError) in
        for step in 0..<20 {
          for index in 0..<length { own[index] = Self.value(participant, step, index) }
          try group[participant].allReduce(
            [
              PartialSum(
                replicas: participant..<participant + 1,
                values: UnsafeBufferPointer(own.buffer))
            ], into: sum.buffer, step: step)
          for index in 0..<length {
            let expected = Self.sequentialSum(0..<count) { Self.value($0, step, index) }
            if sum[index].bitPattern != expected.bitPattern { wrong += 1 }
          }
        }
      }
      return wrong + (error == nil ? 0 : 1)
    }
    #expect(wrong == Array(repeating: 0, count: count))
  }

  /// Bytes, and values of any type; only the root's count.
  @Test(arguments: [1, 2, 4, 8])
  func aBroadcastCopiesTheRootsValues(count: Int) {
    let group = Self.group(count)
    let root = count - 1
    let received = onWorkers(count) { participant in
      let values = (0..<(participant + 1)).map { Float(100 * participant + $0) }
      var received: [Float] = []
      let error = communicationError { () throws(CommunicationError) in
        received = try group[participant].broadcast(values, from: root, step: 0)
        let bytes = try group[participant].broadcast([UInt8(participant)], from: 0, step: 0)
        if bytes != [0] { received = [] }
        if try group[participant].broadcast([Int](), from: 0, step: 0) != [] { received = [] }
      }
      return error == nil ? received : []
    }
    let expected = (0..<count).map { Float(100 * root + $0) }
    #expect(received == Array(repeating: expected, count: count))
  }

  @Test(arguments: [1, 2, 4, 8])
  func aGatherHasEveryonesValuesInOrderAtTheRootOnly(count: Int) {
    let group = Self.group(count)
    let results = onWorkers(count) { participant -> [[Float]]? in
      // As long as the participant's index, so that lengths differ.
      let own = (0..<participant).map { Float(10 * participant + $0) }
      do throws(CommunicationError) {
        return try group[participant].gather(own, to: 0, step: 0)
      } catch { return [] }
    }
    let expected = (0..<count).map { participant in
      (0..<participant).map { Float(10 * participant + $0) }
    }
    #expect(results[0] == expected)
    #expect(results.dropFirst().allSatisfy { $0 == nil })
  }

  @Test(arguments: [0, 8])
  func aTimeOutNamesTheMissingTheOperationAndTheStep(cores: Int) {
    let group = Self.group(4, timeout: .milliseconds(200), cores: cores)
    // Workers 1 and 3 come to two barriers, the others to a third.
    let errors = onWorkers(4) { participant in
      communicationError { () throws(CommunicationError) in
        for step in 0..<(participant % 2 == 1 ? 2 : 3) {
          try group[participant].barrier("all-reduce", step: step)
        }
      }
    }
    let expected = CommunicationError.timedOut(
      operation: "all-reduce", step: 2,
      missing: [.init(index: 1, replicas: 2..<4), .init(index: 3, replicas: 6..<8)],
      timeout: .milliseconds(200))
    #expect(errors == [expected, nil, expected, nil])
    for fact in ["worker 1", "replicas 6 to 7", "all-reduce", "step 2", "0.2 seconds"] {
      #expect(expected.description.contains(fact))
    }
    // Who comes late learns why the group is broken.
    let late = communicationError { () throws(CommunicationError) in
      try group[1].barrier("all-reduce", step: 2)
    }
    #expect(late == expected)
  }

  @Test(arguments: [0, 8])
  func anAbortEndsThoseWhoWaitAndThoseWhoComeLater(cores: Int) {
    let group = Self.group(4, cores: cores)
    let errors = onWorkers(4) { participant in
      communicationError { () throws(CommunicationError) in
        if participant == 2 { group[2].abort(reason: "the disk is full") }
        try group[participant].barrier("test", step: 0)
      }
    }
    let expected = CommunicationError.aborted(
      by: .init(index: 2, replicas: 4..<6), reason: "the disk is full")
    #expect(errors == Array(repeating: expected, count: 4))
    for fact in ["worker 2", "replicas 4 to 5", "the disk is full"] {
      #expect(expected.description.contains(fact))
    }
  }

  @Test func theFirstReasonStays() {
    let group = Self.group(2)
    group[1].abort(reason: "first")
    group[0].abort(reason: "second")
    let error = communicationError { () throws(CommunicationError) in
      try group[0].barrier("test", step: 0)
    }
    #expect(error == .aborted(by: .init(index: 1, replicas: 2..<4), reason: "first"))
  }

  // MARK: - Oracle

  private static func value(_ participant: Int, _ step: Int, _ index: Int) -> Float {
    Float((participant * 7_919 + step * 104_729 + index * 31) % 1_000) / 7
  }

  /// The contract's sum by recursion, on one thread.
  private static func sequentialSum(_ replicas: Range<Int>, _ value: (Int) -> Float) -> Float {
    guard replicas.count > 1 else { return value(replicas.lowerBound) }
    let power = [4, 2, 1].first { $0 < replicas.count } ?? 1
    let split = replicas.lowerBound + power
    return sequentialSum(replicas.lowerBound..<split, value)
      + sequentialSum(split..<replicas.upperBound, value)
  }
}

/// Floats that several threads use between barriers, without any lock of their own.
private final class SharedFloats: @unchecked Sendable {
  let buffer: UnsafeMutableBufferPointer<Float>

  init(_ count: Int) {
    buffer = .allocate(capacity: count)
    buffer.initialize(repeating: 0)
  }

  deinit { buffer.deallocate() }

  subscript(index: Int) -> Float {
    get { buffer[index] }
    set { buffer[index] = newValue }
  }
}

/// How far each thread has come.
private final class Counters: @unchecked Sendable {
  private let counts: UnsafeMutablePointer<Atomic<Int>>
  private let count: Int

  init(_ count: Int) {
    self.count = count
    counts = .allocate(capacity: count)
    for index in 0..<count { (counts + index).initialize(to: Atomic(0)) }
  }

  deinit {
    counts.deinitialize(count: count)
    counts.deallocate()
  }

  func increment(_ index: Int) { counts[index].add(1, ordering: .relaxed) }
  func value(_ index: Int) -> Int { counts[index].load(ordering: .relaxed) }
}
