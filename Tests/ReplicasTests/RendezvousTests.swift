import Dispatch
import Execution
import Glibc
import Kernels
import Replicas
import Synchronization
import TestSupport
import Testing

/// A barrier in memory that threads of one process share, or processes, which see it at different addresses.
@Suite(.serialized)
struct RendezvousTests {
  enum Memory: CaseIterable {
    case plain
    /// Each participant has a mapping of its own of one file in memory.
    case mapped
  }

  /// A file without a name; every mapping of it is at another address.
  private final class SharedFile: Sendable {
    private let descriptor: Int32
    private let byteCount: Int

    init(floats: Int) throws {
      byteCount = floats * MemoryLayout<Float>.stride
      var path = Array("/tmp/rendezvous-XXXXXX".utf8CString)
      descriptor = mkstemp(&path)
      try #require(descriptor >= 0 && unlink(path) == 0 && ftruncate(descriptor, byteCount) == 0)
    }

    deinit { close(descriptor) }

    private final class Mapping {
      let start: UnsafeMutableRawPointer
      let byteCount: Int

      init(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        self.start = start
        self.byteCount = byteCount
      }

      deinit { munmap(start, byteCount) }
    }

    func map() throws -> AlignedBuffer {
      let mapping = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
      let start = try #require(mapping != MAP_FAILED ? mapping : nil)
      return AlignedBuffer(
        start.assumingMemoryBound(to: Float.self),
        count: byteCount / MemoryLayout<Float>.stride, owner: Mapping(start, byteCount))
    }
  }

  /// Each participant's memory of `count` floats, which all see.
  private static func memory(_ kind: Memory, participants: Int, floats: Int) throws
    -> [AlignedBuffer]
  {
    switch kind {
    case .plain: return Array(repeating: AlignedBuffer(count: floats), count: participants)
    case .mapped:
      let file = try SharedFile(floats: floats)
      let buffers = try (0..<participants).map { _ in try file.map() }
      #expect(Set(buffers.map(\.pointer)).count == participants)
      return buffers
    }
  }

  /// Participants of several processes on a host, with two replicas each.
  private static func participants(_ count: Int) -> [CommunicationError.Participant] {
    (0..<count).map {
      CommunicationError.Participant(
        index: $0, replicas: 2 * $0..<2 * $0 + 2,
        process: ProcessIdentity(rank: $0 / 2, host: "tpu1"), worker: $0 % 2)
    }
  }

  /// What each participant has in hands: a value of its own over the common memory.
  private static func group(
    _ kind: Memory, _ count: Int, messenger: Int? = nil, timeout: Duration = .seconds(60),
    spins: Int = 0
  ) throws -> [Rendezvous] {
    let floats = Rendezvous.floatCount(participants: count)
    return try memory(kind, participants: count, floats: floats).map {
      Rendezvous(
        participants(count), messenger: messenger, timeout: timeout, spins: spins, memory: $0)
    }
  }

  // MARK: - Barriers

  /// Nobody leaves a barrier before all have come: each sees what everyone wrote before, and nothing from after the next.
  @Test(arguments: Memory.allCases, [1, 2, 4, 8])
  func barriersKeepTheParticipantsTogether(_ kind: Memory, _ count: Int) throws {
    // Threads that spin while others need their core make a barrier slow, and prove as much in fewer.
    for (spins, barriers) in [(0, 10_000), (20_000, 100)] {
      let group = try Self.group(kind, count, spins: spins)
      let written = try Self.memory(kind, participants: count, floats: 16 * count)
      let wrong = onWorkers(count) { participant in
        var wrong = 0
        let error = communicationError { () throws(CommunicationError) in
          for step in 0..<barriers / 2 {
            written[participant].pointer[16 * participant] = Float(step)
            try group[participant].wait(participant, "test", step: step)
            for other in 0..<count where written[participant].pointer[16 * other] != Float(step) {
              wrong += 1
            }
            try group[participant].wait(participant, "compared", step: step)
          }
        }
        return wrong + (error == nil ? 0 : 1)
      }
      #expect(wrong == Array(repeating: 0, count: count))
    }
  }

  @Test func whoSpinsLooksOftenOnlyWhereEveryoneHasACore() {
    #expect(Rendezvous.spins(participants: 2, cores: 2) > 0)
    #expect(Rendezvous.spins(participants: 3, cores: 2) == 0)
  }

  // MARK: - Time-outs

  @Test(arguments: Memory.allCases, [0, 20_000])
  func aTimeOutNamesTheMissingInEveryone(_ kind: Memory, _ spins: Int) throws {
    let timeout = Duration.milliseconds(200)
    let group = try Self.group(kind, 4, timeout: timeout, spins: spins)
    // 1 and 3 come to two barriers, the others to a third.
    let errors = onWorkers(4) { participant in
      communicationError { () throws(CommunicationError) in
        for step in 0..<(participant % 2 == 1 ? 2 : 3) {
          try group[participant].wait(participant, "all-reduce", step: step)
        }
      }
    }
    let all = Self.participants(4)
    let expected = CommunicationError.timedOut(
      operation: "all-reduce", step: 2, missing: [all[1], all[3]], timeout: timeout)
    #expect(errors == [expected, nil, expected, nil])
    #expect(
      expected.description
        == "worker 1 of rank 0 on tpu1 (replicas 2 to 3), worker 1 of rank 1 on tpu1 "
        + "(replicas 6 to 7) did not arrive at all-reduce of step 2 within 0.2 seconds")
    // Who comes late learns why the group is broken.
    for participant in [1, 3] {
      #expect(group[participant].failure == expected)
      let late = communicationError { () throws(CommunicationError) in
        try group[participant].wait(participant, "all-reduce", step: 2)
      }
      #expect(late == expected)
    }
  }

  /// Two that find somebody missing at the same time do not contradict each other.
  @Test func allFindTheSameMissing() throws {
    for _ in 0..<20 {
      let group = try Self.group(.mapped, 8, timeout: .milliseconds(10))
      let errors = onWorkers(8) { participant in
        participant == 5
          ? nil
          : communicationError { () throws(CommunicationError) in
            try group[participant].wait(participant, "test", step: 0)
          }
      }
      #expect(Set(errors.compactMap(\.self)).count == 1)
      #expect(errors.count { $0 == nil } == 1)
      guard case .timedOut(_, _, let missing, _) = errors[0] else {
        Issue.record("\(String(describing: errors[0]))")
        continue
      }
      #expect(missing.map(\.index).contains(5))
    }
  }

  @Test(arguments: Memory.allCases)
  func whoComesInTimeIsNotMissed(_ kind: Memory) throws {
    let group = try Self.group(kind, 3, timeout: .seconds(2))
    let errors = onWorkers(3) { participant in
      communicationError { () throws(CommunicationError) in
        for step in 0..<3 {
          if participant == step { usleep(300_000) }
          try group[participant].wait(participant, "test", step: step)
        }
      }
    }
    #expect(errors == [nil, nil, nil])
  }

  // MARK: - The messenger

  /// It waits for the missing, too, elsewhere.
  @Test(arguments: Memory.allCases)
  func theMessengerIsNotBlamedForOthers(_ kind: Memory) throws {
    let group = try Self.group(kind, 4, messenger: 3, timeout: .milliseconds(200))
    // 1 and the messenger do not come.
    let errors = onWorkers(4) { participant in
      participant == 0 || participant == 2
        ? communicationError { () throws(CommunicationError) in
          try group[participant].wait(participant, "all-reduce", step: 4)
        } : nil
    }
    let expected = CommunicationError.timedOut(
      operation: "all-reduce", step: 4, missing: [Self.participants(4)[1]],
      timeout: .milliseconds(200))
    #expect(errors == [expected, nil, expected, nil])
    #expect(group[3].failure == expected)
  }

  /// Where only the messenger is missing, the others wait for what it has to say, for as long as it gives signs of life.
  @Test(arguments: Memory.allCases)
  func theMessengerSaysWhoIsMissingElsewhere(_ kind: Memory) throws {
    let timeout = Duration.milliseconds(200)
    let group = try Self.group(kind, 3, messenger: 2, timeout: timeout)
    let elsewhere = CommunicationError.Participant(
      index: 1, replicas: 4..<8, process: ProcessIdentity(rank: 1, host: "tpu2"))
    let found = CommunicationError.timedOut(
      operation: "all-reduce", step: 0, missing: [elsewhere], timeout: timeout)
    let errors = onWorkers(3) { participant in
      communicationError { () throws(CommunicationError) in
        if participant == 2 {
          for _ in 0..<40 {
            try group[2].beat()
            usleep(20_000)
          }
          group[2].fail(found, by: 2)
        }
        try group[participant].wait(participant, "all-reduce", step: 0)
      }
    }
    #expect(errors == Array(repeating: .reported(found.description), count: 3))
  }

  @Test(arguments: Memory.allCases)
  func aMessengerThatIsAliveIsWaitedFor(_ kind: Memory) throws {
    let group = try Self.group(kind, 3, messenger: 2, timeout: .milliseconds(200))
    let errors = onWorkers(3) { participant in
      communicationError { () throws(CommunicationError) in
        if participant == 2 {
          for _ in 0..<40 {
            try group[2].beat()
            usleep(20_000)
          }
        }
        try group[participant].wait(participant, "all-reduce", step: 0)
      }
    }
    #expect(errors == [nil, nil, nil])
  }

  /// Nobody else is, then.
  @Test(arguments: Memory.allCases)
  func aMessengerThatIsNotIsNamed(_ kind: Memory) throws {
    let timeout = Duration.milliseconds(200)
    let group = try Self.group(kind, 3, messenger: 2, timeout: timeout)
    let errors = onWorkers(2) { participant in
      communicationError { () throws(CommunicationError) in
        if participant == 0 { try group[2].beat() }
        try group[participant].wait(participant, "all-reduce", step: 5)
      }
    }
    let expected = CommunicationError.timedOut(
      operation: "all-reduce", step: 5, missing: [Self.participants(3)[2]], timeout: timeout)
    #expect(errors == [expected, expected])
    let late = communicationError { () throws(CommunicationError) in try group[2].beat() }
    #expect(late == expected)
  }

  // MARK: - Failures

  @Test(arguments: Memory.allCases, [0, 1_000_000_000])
  func aFailureEndsThoseWhoSleepSpinOrComeLate(_ kind: Memory, _ spins: Int) throws {
    let group = try Self.group(kind, 4, spins: spins)
    let reason = CommunicationError.aborted(
      by: Self.participants(4)[2], reason: "the disk is full")
    // 0 and 1 wait, 2 fails, 3 comes when that is over.
    let hasFailed = DispatchSemaphore(value: 0)
    let errors = onWorkers(4) { participant in
      if participant == 2 {
        usleep(50_000)
        group[2].fail(reason, by: 2)
        hasFailed.signal()
      }
      if participant == 3 { hasFailed.wait() }
      return communicationError { () throws(CommunicationError) in
        try group[participant].wait(participant, "test", step: 0)
      }
    }
    #expect(errors == Array(repeating: reason, count: 4))
    #expect(
      reason.description
        == "worker 0 of rank 1 on tpu1 (replicas 4 to 5) ended the run: the disk is full")
  }

  /// A failure never comes between the participants of one barrier: it completes for all or breaks for all.
  @Test(arguments: Memory.allCases)
  func aBarrierCompletesOrBreaksForAll(_ kind: Memory) throws {
    for round in 0..<200 {
      let group = try Self.group(kind, 3, spins: round % 2 == 0 ? 0 : 100)
      // 0 and 1 meet 2 until it fails.
      let completed = onWorkers(3) { participant -> Int in
        var completed = 0
        _ = communicationError { () throws(CommunicationError) in
          while participant < 2 || completed < round % 7 {
            try group[participant].wait(participant, "test", step: completed)
            completed += 1
          }
        }
        if participant == 2 {
          group[2].fail(.aborted(by: Self.participants(3)[2], reason: "enough"), by: 2)
        }
        return completed
      }
      #expect(completed == Array(repeating: round % 7, count: 3))
    }
  }

  @Test(arguments: Memory.allCases)
  func theFirstReasonStays(_ kind: Memory) throws {
    let all = Self.participants(3)
    let group = try Self.group(kind, 3)
    #expect(group[0].failure == nil)
    group[1].fail(.aborted(by: all[1], reason: "first"), by: 1)
    group[0].fail(.aborted(by: all[0], reason: "second"), by: 0)
    group[1].fail(.aborted(by: all[1], reason: "third"), by: 1)
    for participant in 0..<3 {
      #expect(group[participant].failure == .aborted(by: all[1], reason: "first"))
    }
  }

  /// Also where all fail at once.
  @Test(arguments: Memory.allCases)
  func allHearTheSameOfManyReasons(_ kind: Memory) throws {
    for _ in 0..<50 {
      let all = Self.participants(8)
      let group = try Self.group(kind, 8)
      let heard = onWorkers(8) { participant in
        group[participant].fail(
          .aborted(by: all[participant], reason: "reason \(participant)"), by: participant)
        return group[participant].failure
      }
      #expect(Set(heard).count == 1)
      guard case .aborted(let by, let reason) = heard[0] else {
        Issue.record("\(String(describing: heard[0]))")
        continue
      }
      #expect(reason == "reason \(by.index)")
    }
  }

  @Test(
    arguments: Memory.allCases, ["", "\n", "one\ntwo\n\nthree", "0\n1\n2", "größer als 2 € – 日本"])
  func whatIsSaidSurvives(_ kind: Memory, _ text: String) throws {
    let group = try Self.group(kind, 2)
    let reason = CommunicationError.aborted(by: Self.participants(2)[1], reason: text)
    group[1].fail(reason, by: 1)
    #expect(group[0].failure == reason)
  }

  /// It keeps its beginning.
  @Test(arguments: Memory.allCases, ["x", "€"])
  func longTextIsCut(_ kind: Memory, _ character: String) throws {
    let group = try Self.group(kind, 2)
    let participant = Self.participants(2)[1]
    let text = "the disk is full: " + String(repeating: character, count: 100_000)
    group[1].fail(.aborted(by: participant, reason: text), by: 1)
    guard case .aborted(participant, let reason) = group[0].failure else {
      Issue.record("\(String(describing: group[0].failure))")
      return
    }
    #expect(reason.count > 500)
    // Where it is cut inside of a character, that one is lost.
    let beginning = reason.hasSuffix("\u{FFFD}") ? String(reason.dropLast()) : reason
    #expect(text.hasPrefix(beginning))
    // Nobody else's memory is touched.
    group[0].fail(.reported("later"), by: 0)
    #expect(group[1].failure == .aborted(by: participant, reason: reason))
  }

  @Test(arguments: Memory.allCases)
  func otherFailuresAreHeardAsSentences(_ kind: Memory) throws {
    let failures: [CommunicationError] = [
      .reported("rank 7 on tpu3 ended the run: no images"),
      .library(operation: "MPI_Start", detail: "MPI_ERR_REQUEST"),
      .disagreement(
        Self.participants(2)[0], subject: "other data", with: Self.participants(2)[1]),
    ]
    for failure in failures {
      let group = try Self.group(kind, 2)
      group[0].fail(failure, by: 0)
      #expect(group[1].failure == .reported(failure.description))
    }
  }
}
