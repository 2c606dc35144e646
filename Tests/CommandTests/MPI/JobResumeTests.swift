import Foundation
import TestSupport
import Testing

extension MPITests {
  /// Jobs of several ranks that are killed and go on, on any placement.
  @Suite struct JobResumeTests {
    private static let ordered = ["--reduction", "ordered"]

    private static func whole(_ scratch: ScratchDirectory) throws {
      let whole = try CommandProcess.run(
        ResumeTests.arguments(steps: 40, "whole") + ordered, in: scratch)
      try #require(whole.code == 0, "\(whole.errors)")
    }

    @Test func aJobThatIsKilledComesToTheSameEnd() throws {
      let scratch = try ScratchDirectory()
      try Self.whole(scratch)
      var job = try MPIJob(
        .ranks(4), ResumeTests.arguments(steps: 40, "run") + Self.ordered, in: scratch)
      for rank in [0, 3] {
        let step = ResumeTests.lastStep(scratch, "run")
        job.wait { ResumeTests.lastStep(scratch, "run") >= step + 8 }
        try job.send(SIGKILL, to: rank)
        #expect(try job.outcome(within: 60).code != 0)
        job = try MPIJob(.ranks(4), ["train", "--resume", "run", "--quiet"], in: scratch)
      }
      let outcome = try job.outcome(within: 60)
      #expect(outcome.code == 0, "\(outcome.errors)")
      try ResumeTests.expectSame(scratch, "run", "whole")
    }

    /// Eight threads of one process, two ranks of two threads, four ranks, one thread.
    @Test func aRunGoesOnOnOtherPlacements() throws {
      let scratch = try ScratchDirectory()
      try Self.whole(scratch)
      let begun = try CommandProcess(
        ResumeTests.arguments(steps: 40, "run") + Self.ordered + ["--threads", "8"], in: scratch)
      begun.wait { ResumeTests.lastStep(scratch, "run") >= 6 }
      begun.send(SIGTERM)
      #expect(try begun.outcome().code == 143)
      for (ranks, threads, stop) in [(2, 2, 15), (4, 1, 25)] {
        let job = try MPIJob(
          .ranks(ranks), ["train", "--resume", "run", "--quiet", "--threads", "\(threads)"],
          in: scratch)
        job.wait { ResumeTests.lastStep(scratch, "run") >= stop }
        job.send(SIGTERM)
        let code = try job.outcome(within: 60).code
        #expect(code == 143 || (code == 0 && ResumeTests.lastStep(scratch, "run") == 40))
      }
      let end = try CommandProcess.run(
        ["train", "--resume", "run", "--quiet", "--threads", "1"], in: scratch)
      #expect(end.code == 0 && end.errors == "", "\(end.errors)")
      try ResumeTests.expectSame(scratch, "run", "whole")
    }

    @Test func aJobIsAskedForACheckpoint() throws {
      let endless = try EndlessJob(.ranks(2))
      endless.job.send(SIGUSR1)
      let checkpoints = { (try? endless.scratch.names(in: "run/checkpoints")) ?? [] }
      endless.job.wait { checkpoints().count >= 2 }
      #expect(checkpoints().count >= 2)
      let step = try endless.lastStep()
      endless.waitForStep(step + 3)
      endless.job.send(SIGTERM)
      #expect(try endless.job.outcome(within: 20).code == 143)
    }
  }
}
