import Dispatch
import Replicas
import Synchronization
import Testing

@Suite struct LocalCommunicatorTests {
  private static func communicator(
    _ count: Int, timeout: Double = 60, cores: Int = 2
  ) -> LocalCommunicator {
    LocalCommunicator(
      names: (0..<count).map { "replica \($0)" }, timeout: timeout, cores: cores)
  }

  /// Nobody leaves a barrier before all have come: each sees everyone's count at least at its own. Spinning and blocking.
  @Test(arguments: [1, 2, 4, 8], [0, 8])
  func tenThousandBarriersKeepTheParticipantsTogether(count: Int, cores: Int) {
    let communicator = Self.communicator(count, cores: cores)
    let arrivals = Counters(count)
    let barriers = cores == 0 || count <= 2 ? 10_000 : 1_000
    let failures = onWorkers(count) { participant in
      var early = 0
      let error = communicationError { () throws(CommunicationError) in
        for step in 0..<barriers {
          arrivals.increment(participant)
          try communicator.barrier(participant: participant, operation: "test", step: step)
          if !(0..<count).allSatisfy({ arrivals.value($0) > step }) { early += 1 }
        }
      }
      return early + (error == nil ? 0 : 1)
    }
    #expect(failures == Array(repeating: 0, count: count))
  }

  /// Plain memory written before the barrier is read after it: the sum along the tree, each worker its own stretch.
  @Test(arguments: [1, 2, 4, 8])
  func anAllReduceAddsWhatAllHaveWrittenAlongTheTree(count: Int) {
    let length = 1_003
    let communicator = Self.communicator(count)
    let partials = (0..<count).map { _ in SharedFloats(length) }
    let sum = SharedFloats(length)
    let merges = ReductionTree(count: count).merges(of: (0..<count).map { $0..<$0 + 1 })
    let steps = 200
    let wrong = onWorkers(count) { participant in
      var wrong = 0
      do throws(ReplicaError) {
        for step in 0..<steps {
          for index in 0..<length {
            partials[participant][index] = Self.value(participant, step, index)
          }
          try communicator.allReduce(participant: participant, step: step) {
            () throws(ReplicaError) in
            for index in length * participant / count..<length * (participant + 1) / count {
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
          }
          for index in 0..<length {
            let expected = Self.sequentialSum(0..<count) { Self.value($0, step, index) }
            if sum[index].bitPattern != expected.bitPattern { wrong += 1 }
          }
          // Nobody overwrites what another still compares.
          do throws(CommunicationError) {
            try communicator.barrier(participant: participant, operation: "compared", step: step)
          } catch { throw .communication(error) }
        }
      } catch { wrong += 1 }
      return wrong
    }
    #expect(wrong == Array(repeating: 0, count: count))
  }

  @Test(arguments: [1, 2, 4, 8])
  func aBroadcastCopiesTheRootsValues(count: Int) {
    let communicator = Self.communicator(count)
    let root = count - 1
    let received = onWorkers(count) { participant in
      let values = SharedFloats(5)
      for index in 0..<5 { values[index] = Float(100 * participant + index) }
      let error = communicationError { () throws(CommunicationError) in
        try communicator.broadcast(
          values.buffer, participant: participant, from: root, step: 0)
      }
      return error == nil ? (0..<5).map { values[$0] } : []
    }
    let expected = (0..<5).map { Float(100 * root + $0) }
    #expect(received == Array(repeating: expected, count: count))
  }

  @Test(arguments: [1, 2, 4, 8])
  func aGatherHasEveryonesValuesInOrderAtTheRootOnly(count: Int) {
    let communicator = Self.communicator(count)
    let results = onWorkers(count) { participant -> [[Float]]? in
      // As long as the participant's index, so that lengths differ.
      let own = (0..<participant).map { Float(10 * participant + $0) }
      do throws(CommunicationError) {
        return try communicator.gather(own, participant: participant, to: 0, step: 0)
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
    let communicator = Self.communicator(4, timeout: 0.2, cores: cores)
    // Replicas 1 and 3 come to two barriers, the others to a third.
    let errors = onWorkers(4) { participant in
      communicationError { () throws(CommunicationError) in
        for step in 0..<(participant % 2 == 1 ? 2 : 3) {
          try communicator.barrier(participant: participant, operation: "all-reduce", step: step)
        }
      }
    }
    let expected = CommunicationError.timedOut(
      operation: "all-reduce", step: 2, missing: ["replica 1", "replica 3"], seconds: 0.2)
    #expect(errors == [expected, nil, expected, nil])
    for fact in ["replica 1", "replica 3", "all-reduce", "step 2", "0.2 s"] {
      #expect(expected.description.contains(fact))
    }
    // Who comes late learns why the group is broken.
    let late = communicationError { () throws(CommunicationError) in
      try communicator.barrier(participant: 1, operation: "all-reduce", step: 2)
    }
    #expect(late == expected)
  }

  @Test(arguments: [0, 8])
  func anAbortEndsThoseWhoWaitAndThoseWhoComeLater(cores: Int) {
    let communicator = Self.communicator(4, cores: cores)
    let errors = onWorkers(4) { participant in
      communicationError { () throws(CommunicationError) in
        if participant == 2 { communicator.abort() }
        try communicator.barrier(participant: participant, operation: "test", step: 0)
      }
    }
    #expect(errors == Array(repeating: .aborted, count: 4))
  }

  @Test func aFailureInAReductionIsTheReducersOwn() {
    let communicator = Self.communicator(2)
    let failure = ReplicaError.nonFinite(step: 3, replica: 1, output: "loss_self", value: .nan)
    let descriptions = onWorkers(2) { participant -> String in
      do throws(ReplicaError) {
        try communicator.allReduce(participant: participant, step: 3) {
          () throws(ReplicaError) in
          if participant == 1 { throw failure }
        }
        return "none"
      } catch {
        communicator.abort()
        return error.description
      }
    }
    #expect(descriptions[1] == failure.description)
    #expect(descriptions[0] == CommunicationError.aborted.description)
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
