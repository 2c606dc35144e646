import Replicas
import TestSupport
import Testing

/// What the processes of a job have alike, and that they go on together or not at all.
struct AgreementTests {
  private static func group(_ count: Int) -> [LocalCommunicator] {
    LocalCommunicator.group(
      (0..<count).map {
        CommunicationError.Participant(
          index: $0, replicas: 2 * $0..<2 * $0 + 2,
          process: ProcessIdentity(rank: $0, host: "tpu\($0 / 2)"))
      })
  }

  /// What each participant with its subjects throws.
  private func errors(_ subjects: [[Subject]]) -> [CommunicationError?] {
    let group = Self.group(subjects.count)
    return onWorkers(subjects.count) { participant in
      communicationError { () throws(CommunicationError) in
        try group[participant].requireAgreement(on: subjects[participant], step: 3)
      }
    }
  }

  // MARK: - Subjects

  @Test(arguments: [1, 2, 5])
  func theSameSubjectsAgree(_ count: Int) {
    let subjects = [Subject("another configuration", "steps: 5"), Subject("other data", hash: 7)]
    let errors = errors(Array(repeating: subjects, count: count))
    #expect(errors == Array(repeating: nil, count: count))
  }

  @Test func whoDiffersIsNamedToEverybodyWithTheSubject() {
    for count in [2, 3, 5] {
      for different in 1..<count {
        for subject in 0..<3 {
          let subjects = (0..<count).map { participant in
            (0..<3).map { index in
              let isDifferent = participant == different && index == subject
              return Subject("other \(index)", isDifferent ? "b" : "a")
            }
          }
          let participants = Self.group(count)[0].participants
          let expected = CommunicationError.disagreement(
            participants[different], subject: "other \(subject)", with: participants[0])
          #expect(errors(subjects) == Array(repeating: expected, count: count))
        }
      }
    }
  }

  @Test func theSentenceNamesBoth() {
    let errors = errors([
      [Subject("another seed in its configuration", "1")],
      [Subject("another seed in its configuration", "1")],
      [Subject("another seed in its configuration", "2")],
    ])
    #expect(
      errors[1]?.description
        == "rank 2 on tpu1 (replicas 4 to 5) has another seed in its configuration than "
        + "rank 0 on tpu0 (replicas 0 to 1)")
  }

  /// Of several that differ the first, in its first subject.
  @Test func theFirstWhoDiffersIsNamed() {
    let errors = errors(
      ["aaa", "aaa", "aba", "bbb"].map { $0.map { Subject("other letter", "\($0)") } })
    let participants = Self.group(4)[0].participants
    #expect(
      errors
        == Array(
          repeating: .disagreement(
            participants[2], subject: "other letter", with: participants[0]), count: 4))
  }

  @Test func whoHasNoneOfItsOwnAgrees() {
    let subject = { (hash: UInt64?) in [Subject("other parameters", hash: hash)] }
    #expect(errors([subject(5), subject(nil), subject(5)]) == [nil, nil, nil])
    #expect(errors([subject(nil), subject(nil)]) == [nil, nil])
    // A hash of zero is one.
    #expect(errors([subject(0), subject(nil), subject(0)]) == [nil, nil, nil])
    let participants = Self.group(3)[0].participants
    let expected = CommunicationError.disagreement(
      participants[2], subject: "other parameters", with: participants[0])
    #expect(
      errors([subject(0), subject(nil), subject(1)]) == Array(repeating: expected, count: 3))
  }

  @Test func textsDifferByTheirHashes() {
    #expect(Subject("", "steps: 5").hash == Subject("", "steps: 5").hash)
    #expect(Set(["", "a", "b", "ab", "ba"].map { Subject("", $0).hash }).count == 5)
  }

  // MARK: - Together

  private struct Failure: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  /// What each participant gets or throws, where some throw.
  private func together(
    _ count: Int, failing: [Int: String]
  ) -> [Result<Int, any Error>] {
    let group = Self.group(count)
    return onWorkers(count) { participant in
      Result {
        try group[participant].together {
          if let sentence = failing[participant] { throw Failure(description: sentence) }
          return 10 * participant
        }
      }
    }
  }

  @Test(arguments: [1, 2, 5])
  func whatWorksInAllGoesOn(_ count: Int) throws {
    let values = try together(count, failing: [:]).map { try $0.get() }
    #expect(values == (0..<count).map { 10 * $0 })
  }

  /// They have their own sentence; all others have that of the first.
  @Test(arguments: [[0: "no file"], [2: "no file"], [1: "größer\nals 2 €"], [0: "a", 2: "b"]])
  func whatFailsInOneEndsAll(_ failing: [Int: String]) throws {
    let first = try #require(failing.keys.min())
    let group = Self.group(4)
    for (participant, outcome) in together(4, failing: failing).enumerated() {
      guard case .failure(let error) = outcome else {
        Issue.record("participant \(participant) went on")
        continue
      }
      if let own = failing[participant] {
        #expect(error as? Failure == Failure(description: own))
      } else {
        #expect(
          error as? CommunicationError
            == .aborted(by: group[0].participants[first], reason: failing[first] ?? ""))
      }
    }
  }

  /// An error without a sentence is one, too.
  @Test func aFailureThatSaysNothingEndsAll() {
    for outcome in together(3, failing: [1: ""]) {
      #expect(throws: (any Error).self) { try outcome.get() }
    }
  }
}
