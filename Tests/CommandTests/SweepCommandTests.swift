import Foundation
import TestSupport
import Testing

/// `selfgan sweep`.
@Suite struct SweepCommandTests {
  private static let small =
    ["sweep", Configurations.gan, "--steps", "4", "--quiet", "--output", "sweep"]
    + Configurations.small + ["--set", "logEvery=1", "--set", "shards.gradientEvery=2"]

  @Test func answersInWordsTablesAndAPage() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      Self.small + ["--replicas", "1,2", "--seeds", "2"], in: scratch)
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
    for part in [
      "the losses", "the dynamic weights", "At step 1, from the same weights",
      "Does the number of shards change it?", "sweep/report.html",
    ] {
      #expect(outcome.output.contains(part), "\(part)")
    }
    #expect(
      try scratch.names(in: "sweep")
        == ["report.html"]
        + ["1-seed-1", "1-seed-2", "2-seed-1", "2-seed-2"].map { "selfTPU-replica-replicas-\($0)" })
    let page = try scratch.text("sweep/report.html")
    #expect(page.contains("At step 1, from the same weights"))
    // What is there is not run again.
    let again = try CommandProcess.run(
      Self.small + ["--replicas", "1,2", "--seeds", "2", "--dry-run"], in: scratch)
    #expect(again.code == 0 && again.output == "")
  }

  @Test func saysWhatItWouldRun() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      Self.small + ["--replicas", "1,8", "--scope", "replica,all", "--dry-run"], in: scratch)
    #expect(outcome.code == 0)
    #expect(
      outcome.output.split(separator: "\n") == [
        "selfTPU-replica-replicas-1-seed-1", "selfTPU-replica-replicas-8-seed-1",
        "selfTPU-all-replicas-1-seed-1", "selfTPU-all-replicas-8-seed-1",
      ])
  }

  @Test(arguments: [
    (["--replicas", "1,x"], ["--replicas", "x"]), (["--replicas", "2,2"], ["--replicas", "2,2"]),
    (["--replicas", "1,01"], ["--replicas", "1,01"]),
    (["--replicas", "1,5"], ["batch_size", "5"]), (["--seeds", "0"], ["--seeds", "0"]),
    (["--scope", "replica,"], ["--scope", "replica,"]), (["--scope", "some"], ["batchNorm.scope"]),
    (["--objective", "selfCPU"], ["objective.kind", "selfCPU"]),
  ])
  func anImpossibleSweepIsRefused(_ arguments: [String], naming facts: [String]) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(Self.small + arguments, in: scratch)
    expectSentence(outcome, code: 65, naming: facts)
    #expect(try scratch.names() == [])
  }

  @Test func aSignalEndsItAndTheRestIsRunLater() throws {
    let scratch = try ScratchDirectory()
    let endless = Self.small + ["--replicas", "1,2", "--set", "steps=100000000"]
    let process = try CommandProcess(
      endless.filter { $0 != "4" && $0 != "--steps" }, in: scratch)
    let table = "sweep/selfTPU-replica-replicas-1-seed-1.partial/shards.csv"
    process.wait { ((try? scratch.text(table)) ?? "").contains("\n3,0,") }
    process.send(SIGINT)
    let outcome = try process.outcome()
    #expect(outcome.code == 130, "\(outcome.errors)")
    #expect(outcome.complaints.count == 2)
    #expect(try scratch.names(in: "sweep") == ["selfTPU-replica-replicas-1-seed-1.partial"])
  }
}
