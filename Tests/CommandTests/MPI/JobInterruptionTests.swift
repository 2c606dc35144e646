import Foundation
import TestSupport
import Testing

extension MPITests {
  /// Ending a job before its last step: all ranks end at the same one, and the first writes what
  /// `train` writes at the end.
  @Suite struct JobInterruptionTests {
    private func expectOrderlyEnd(
      _ endless: EndlessJob, code: Int32, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let outcome = try endless.job.outcome(within: 20)
      #expect(outcome.code == code, "\(outcome.errors)", sourceLocation: sourceLocation)
      #expect(outcome.jobErrors.isEmpty, "\(outcome.errors)", sourceLocation: sourceLocation)
      let ends = outcome.errors.matches(of: /selfgan: (\d+) steps done/).compactMap { Int($0.1) }
      #expect(ends == [try endless.lastStep()], sourceLocation: sourceLocation)
      try endless.expectCompleteFiles()
    }

    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func aSignalToTheScriptEndsTheJob(_ signal: Int32, _ code: Int32) throws {
      let endless = try EndlessJob(.ranks(4))
      endless.job.send(signal)
      try expectOrderlyEnd(endless, code: code)
    }

    /// mpirun sends SIGTERM to all ranks, and says itself how the job ended.
    @Test(arguments: [SIGINT, SIGTERM])
    func aSignalToMpirunEndsTheJob(_ signal: Int32) throws {
      let endless = try EndlessJob(.mpirun(4))
      endless.job.send(signal)
      try expectOrderlyEnd(endless, code: 1)
    }

    @Test(arguments: [(0, SIGTERM, Int32(143)), (2, SIGINT, Int32(130))])
    func aSignalToOneRankEndsTheJob(_ rank: Int, _ signal: Int32, _ code: Int32) throws {
      let endless = try EndlessJob(.ranks(4))
      try endless.job.send(signal, to: rank)
      try expectOrderlyEnd(endless, code: code)
    }

    @Test(
      .enabled(if: hostsArePossible, hostsAreNeeded),
      arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func aSignalEndsAJobOfSeveralHosts(_ signal: Int32, _ code: Int32) throws {
      let endless = try EndlessJob(.hosts(2, slots: 2))
      endless.job.send(signal)
      try expectOrderlyEnd(endless, code: code)
    }
  }
}
