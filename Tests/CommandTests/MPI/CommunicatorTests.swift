import Foundation
import TestSupport
import Testing

extension MPITests {
  /// The communicator between real processes: `CommunicatorCheck` in every one of them.
  @Suite struct CommunicatorTests {
    /// The answers of cases, each from all processes.
    private func check(_ launch: MPIJob.Launch, _ cases: [String]) throws -> [[String]] {
      let outcome = try run(launch, cases)
      try #require(outcome.code == 0, "\(outcome.errors)")
      return try outcome.output.split(separator: "\n").map {
        try JSONDecoder().decode([String].self, from: Data($0.utf8))
      }
    }

    private func run(
      _ launch: MPIJob.Launch, _ cases: [String]
    ) throws -> CommandProcess.Outcome {
      // The scripts put a command of selfgan's in front.
      try MPIJob.run(
        launch, ["train"] + cases, in: ScratchDirectory(),
        program: CommandProcess.product("CommunicatorCheck"), prologue: "shift")
    }

    private static let operations = [
      "barrier", "broadcast", "gather", "allReduce", "sharedSum", "sharedFloats",
    ]

    @Test(arguments: [1, 2, 3, 4, 5, 8])
    func operationsGiveWhatTheyPromise(_ ranks: Int) throws {
      #expect(try check(.ranks(ranks), Self.operations).count == Self.operations.count)
    }

    @Test(
      .enabled(if: hostsArePossible, hostsAreNeeded),
      arguments: [
        .hosts(2, slots: 2), .hosts(2, slots: 2, options: ["-n", "3"]), .hosts(3, slots: 1),
        .hosts(2, slots: 2, options: ["--rank-by", "node"]),
      ] as [MPIJob.Launch])
    func operationsGiveWhatTheyPromiseBetweenHosts(_ launch: MPIJob.Launch) throws {
      #expect(try check(launch, Self.operations).count == Self.operations.count)
    }

    // MARK: Order

    @Test func processesAreInTheOrderOfTheirRanks() throws {
      let cores = max(1, ProcessInfo.processInfo.activeProcessorCount / 3)
      #expect(
        try check(.ranks(3), ["processes"]) == [
          (0..<3).map { rank in
            "\(rank); \(rank); rank \(rank) on \(MPITests.hostName) (replicas \(2 * rank) to "
              + "\(2 * rank + 1)); 0..<3; \(rank == 0); false; \(cores)"
          }
        ])
    }

    @Test(.enabled(if: hostsArePossible, hostsAreNeeded))
    func processesOfOneHostAreNeighbours() throws {
      let cores = max(1, ProcessInfo.processInfo.activeProcessorCount / 2)
      #expect(
        try check(.hosts(2, slots: 2), ["processes"]) == [
          [
            "0; 0; rank 0 on tpu0 (replicas 0 to 1); 0..<2; true; true; \(cores)",
            "1; 1; rank 1 on tpu0 (replicas 2 to 3); 0..<2; false; false; \(cores)",
            "2; 2; rank 2 on tpu1 (replicas 4 to 5); 2..<4; true; true; \(cores)",
            "3; 3; rank 3 on tpu1 (replicas 6 to 7); 2..<4; false; false; \(cores)",
          ]
        ])
      // Where the launcher deals ranks out to the hosts in turn.
      #expect(
        try check(.hosts(2, slots: 2, options: ["--rank-by", "node"]), ["processes"]) == [
          [
            "0; 0; rank 0 on tpu0 (replicas 0 to 1); 0..<2; true; true; \(cores)",
            "1; 2; rank 2 on tpu0 (replicas 2 to 3); 0..<2; false; false; \(cores)",
            "2; 1; rank 1 on tpu1 (replicas 4 to 5); 2..<4; true; true; \(cores)",
            "3; 3; rank 3 on tpu1 (replicas 6 to 7); 2..<4; false; false; \(cores)",
          ]
        ])
    }

    // MARK: Disagreement and failures

    @Test func whoDiffersIsNamedInAll() throws {
      func differs(_ rank: Int, _ subject: String) -> [String] {
        let names = [rank, 0].map { "rank \($0) on \(MPITests.hostName) (replica \($0))" }
        return Array(repeating: "\(names[0]) has \(subject) than \(names[1])", count: 4)
      }
      let nothing = Array(repeating: "", count: 4)
      #expect(
        try check(.ranks(4), ["agreement"]) == [
          nothing + differs(3, "another size") + differs(1, "another colour")
            + differs(1, "another size") + nothing
        ])
    }

    @Test func aFailureInOneIsTheEndInAll() throws {
      func ended(by rank: Int) -> String {
        "rank \(rank) on \(MPITests.hostName) (replica \(rank)) ended the run: no paper in process \(rank)"
      }
      let own = (0..<3).map { "no paper in process \($0)" }
      #expect(
        try check(.ranks(3), ["together"]) == [
          ["", "", ""] + [ended(by: 2), ended(by: 2), own[2]] + [
            own[0], ended(by: 0), ended(by: 0),
          ]
            + [ended(by: 1), own[1], own[2]]
        ])
    }

    /// mpirun ends the job with the first process that fails, so that not all may have spoken.
    private func expectEnd(
      _ outcome: CommandProcess.Outcome, saying sentences: [String]
    ) {
      #expect(outcome.code == 1)
      #expect(outcome.output == "")
      let said = Set(outcome.errors.split(separator: "\n").map(String.init)).filter {
        $0.contains("rank 3") || $0.contains("no legs")
      }
      #expect(!said.isEmpty && said.isSubset(of: sentences), "\(outcome.errors)")
    }

    @Test func whoStaysAwayIsNamed() throws {
      expectEnd(
        try run(.ranks(4), ["absence"]),
        saying: [
          "rank 3 on \(MPITests.hostName) (replicas 6 to 7) did not arrive at the picnic of step 12 "
            + "within 1.0 seconds"
        ])
    }

    @Test func whoGivesUpIsNamed() throws {
      expectEnd(
        try run(.ranks(4), ["abort"]),
        saying: ["rank 3 on \(MPITests.hostName) (replica 3) ended the run: no legs", "no legs"])
    }

  }
}
