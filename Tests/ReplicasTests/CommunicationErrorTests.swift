import Replicas
import Testing

/// Errors of a collective operation name whoever is meant, as an operator knows them.
struct CommunicationErrorTests {
  private static let identity = ProcessIdentity(rank: 3, host: "tpu1")

  @Test(arguments: [
    (CommunicationError.Participant(index: 5, replicas: 4..<5), "worker 5 (replica 4)"),
    (.init(index: 5, replicas: 4..<8), "worker 5 (replicas 4 to 7)"),
    (.init(index: 1, replicas: 4..<5, process: identity), "rank 3 on tpu1 (replica 4)"),
    (
      .init(index: 1, replicas: 4..<6, process: identity, worker: 2),
      "worker 2 of rank 3 on tpu1 (replicas 4 to 5)"
    ),
    // Before it is known who runs what.
    (.init(index: 1, replicas: 0..<0, process: identity), "rank 3 on tpu1"),
  ])
  func aParticipantIsCalledByItsProcess(
    _ participant: CommunicationError.Participant, _ name: String
  ) {
    #expect(participant.description == name)
  }

  @Test func sentences() {
    let one = CommunicationError.Participant(index: 0, replicas: 0..<2)
    let two = CommunicationError.Participant(index: 1, replicas: 2..<3)
    let sentences: [(CommunicationError, String, isConsequence: Bool)] = [
      (
        .timedOut(operation: "all-reduce", step: 7, missing: [one, two], timeout: .seconds(60)),
        "worker 0 (replicas 0 to 1), worker 1 (replica 2) did not arrive at all-reduce of step 7 "
          + "within 60.0 seconds", false
      ),
      (
        .aborted(by: two, reason: "no images"), "worker 1 (replica 2) ended the run: no images",
        true
      ),
      (.reported("rank 1 on tpu2 is gone"), "rank 1 on tpu2 is gone", true),
      (
        .library(operation: "MPI_Start", detail: "MPI_ERR_REQUEST"),
        "MPI failed in MPI_Start: MPI_ERR_REQUEST", false
      ),
      (
        .sharedMemory(needed: 65_500_000, available: 64_200_000),
        "the processes of a host must share 66 MB more, and /dev/shm has 64 MB left; make it larger",
        false
      ),
      (
        .disagreement(two, subject: "other data", with: one),
        "worker 1 (replica 2) has other data than worker 0 (replicas 0 to 1)", false
      ),
    ]
    for (error, sentence, isConsequence) in sentences {
      #expect(error.description == sentence)
      #expect(error.isConsequence == isConsequence)
    }
  }
}
