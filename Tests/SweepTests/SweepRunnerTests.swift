import Foundation
import Glibc
import RunFiles
import Sweep
import Synchronization
import TestSupport
import Testing

@Suite struct SweepRunnerTests {
  @Test func everyCellIsARun() throws {
    let scratch = try ScratchDirectory()
    let plan = try SmallSweep.plan(seeds: 2)
    let directory = SweepDirectory(path: scratch.file("sweep"))
    #expect(try SmallSweep.run(plan, in: directory) == 0)
    #expect(try scratch.names(in: "sweep") == plan.cells.map(\.name).sorted())
    let results = SweepResults(plan, in: directory)
    #expect(results.cells.count == 4 && results.problems.isEmpty)
    for result in results.cells {
      #expect(result.window == 4...6)
      #expect(result.firstStep != nil)
      let apart = try #require(result.weightsDistance)
      #expect((apart == 0) == (result.cell.replicas == 1))
      #expect(result.samplesDistance != nil && result.means["variety"] != nil)
    }
  }

  /// Whatever the number of replicas, a seed's reals are the same.
  @Test func cellsOfASeedSeeTheSameImages() throws {
    let scratch = try ScratchDirectory()
    let plan = try SmallSweep.plan(replicas: [1, 4], ["steps=1"])
    let directory = SweepDirectory(path: scratch.file("sweep"))
    _ = try SmallSweep.run(plan, in: directory)
    let reals = try plan.cells.map { try scratch.data("sweep/\($0.name)/reals.png") }
    #expect(reals[0] == reals[1])
  }

  @Test func whatIsMissingIsRunTheNextTime() throws {
    let scratch = try ScratchDirectory()
    let plan = try SmallSweep.plan(seeds: 2, ["checkpoint.every=0", "checkpoint.keep=1"])
    let directory = SweepDirectory(path: scratch.file("sweep"))
    let isInSecond = Mutex(false)
    let interrupted = SweepRunner(
      plan, in: directory, signal: { isInSecond.withLock { $0 } ? SIGINT : 0 },
      onProgress: { cell, _ in isInSecond.withLock { $0 = cell == plan.cells[1] } })
    #expect(try interrupted.run(interrupted.missing()) == SIGINT)
    #expect(
      try scratch.names(in: "sweep") == [plan.cells[0].name, plan.cells[1].name + ".partial"])
    #expect(SweepResults(plan, in: directory).problems.count == 3)

    let partial = RunDirectory(existing: directory.run(of: plan.cells[1]).path + ".partial")
    let stopped = try #require(partial.checkpointFiles.last)
    #expect((1...5).contains(stopped.step))

    let first = try scratch.data("sweep/\(plan.cells[0].name)/metrics.jsonl")
    #expect(try SmallSweep.run(plan, in: directory) == 0)
    #expect(try scratch.names(in: "sweep") == plan.cells.map(\.name).sorted())
    #expect(try scratch.data("sweep/\(plan.cells[0].name)/metrics.jsonl") == first)

    // The interrupted cell went on, and is what it would have been.
    let machine = try scratch.text("sweep/\(plan.cells[1].name)/machine.json")
    #expect(machine.contains("after step \(stopped.step)"))
    let whole = SweepDirectory(path: scratch.file("whole"))
    #expect(try SmallSweep.run(plan, in: whole) == 0)
    for file in ["shards.csv", "weights.safetensors"] {
      #expect(
        try scratch.data("sweep/\(plan.cells[1].name)/\(file)")
          == scratch.data("whole/\(plan.cells[1].name)/\(file)"))
    }
  }

  /// Of a cell that cannot go on, nothing stays.
  @Test func anAttemptThatIsDamagedOrOfAnotherConfigurationBeginsAgain() throws {
    let scratch = try ScratchDirectory()
    let directory = SweepDirectory(path: scratch.file("sweep"))
    let plan = try SmallSweep.plan(replicas: [1], ["checkpoint.every=0", "checkpoint.keep=1"])
    let partial = directory.run(of: plan.cells[0]).path + ".partial"
    let other = try SmallSweep.plan(replicas: [1], ["steps=3", "sampleEvery=3"])
    #expect(try SmallSweep.run(other, in: SweepDirectory(path: scratch.file("other"))) == 0)
    #expect(try SmallSweep.run(plan, in: SweepDirectory(path: scratch.file("same"))) == 0)
    for damages in [false, true] {
      try? FileManager.default.removeItem(atPath: scratch.file("sweep"))
      try FileManager.default.createDirectory(
        atPath: scratch.file("sweep"), withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: scratch.file("\(damages ? "same" : "other")/\(plan.cells[0].name)"), toPath: partial
      )
      if damages {
        for file in RunDirectory(existing: partial).checkpointFiles {
          #expect(truncate(file.path, 1000) == 0)
        }
      }
      #expect(try SmallSweep.run(plan, in: directory) == 0)
      #expect(try !scratch.text("sweep/\(plan.cells[0].name)/machine.json").contains("resumed"))
      #expect(try scratch.names(in: "sweep") == [plan.cells[0].name])
    }
  }

  @Test func cellsOfAnotherConfigurationAreRefusedAndLeftAlone() throws {
    let scratch = try ScratchDirectory()
    let directory = SweepDirectory(path: scratch.file("sweep"))
    _ = try SmallSweep.run(try SmallSweep.plan(replicas: [1], ["steps=1"]), in: directory)
    let other = try SmallSweep.plan(replicas: [1, 2], ["steps=2", "logEvery=2"])
    let runner = SweepRunner(other, in: directory, signal: { 0 }, onProgress: { _, _ in })
    let error = #expect(throws: SweepError.self) { try runner.missing() }
    #expect(
      "\(try #require(error))".contains("steps 1, not 2, logEvery 1, not 2; name another --output"))
    #expect(try scratch.names(in: "sweep").count == 1)
  }

  @Test func aDamagedCellIsReportedAndTheRestIsShown() throws {
    let scratch = try ScratchDirectory()
    let plan = try SmallSweep.plan(replicas: [1, 2])
    let directory = SweepDirectory(path: scratch.file("sweep"))
    _ = try SmallSweep.run(plan, in: directory)
    let shards = scratch.file("sweep/\(plan.cells[1].name)/shards.csv")
    let text = try String(contentsOfFile: shards, encoding: .utf8)
    try String(text.dropLast(20)).write(toFile: shards, atomically: false, encoding: .utf8)
    try FileManager.default.removeItem(
      atPath: scratch.file("sweep/\(plan.cells[1].name)/weights.safetensors"))
    let results = SweepResults(plan, in: directory)
    #expect(results.cells.count == 2)
    #expect(results.problems.contains { $0.contains("shards.csv") })
    #expect(results.cells[1].weightsDistance == nil)
    #expect(results.cells[1].means["loss_self"] != nil)
  }
}
