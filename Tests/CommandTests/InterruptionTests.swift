import Foundation
import TestSupport
import Testing

/// Ending a run before its last step.
@Suite struct InterruptionTests {
  private static let endless =
    ["train", Configurations.gan, "--steps", "2147483648", "--output", "run"]

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
  func aSignalEndsTheRunWithCompleteFiles(_ signal: Int32, _ code: Int32) throws {
    let scratch = try ScratchDirectory()
    let process = try CommandProcess(
      Self.endless + Configurations.small + ["--set", "logEvery=1"], in: scratch)
    process.wait { ((try? scratch.text("run/shards.csv")) ?? "").contains("\n3,7,") }
    process.send(signal)
    let outcome = try process.outcome()

    #expect(outcome.code == code, "\(outcome.errors)")
    let table = try ShardsTable(scratch.text("run/shards.csv"))
    let last = try #require(table.rows.last)
    #expect(last["replica"] == 7)
    let logged = Int(try #require(last["step"]))
    #expect(table.rows.count == 8 * logged)
    let lines = try scratch.text("run/metrics.jsonl").split(separator: "\n")
    #expect(lines.count == logged)
    for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }

    // The weights are those of the last step that was done.
    let resumed = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "\(logged)", "--output", "whole", "--quiet"]
        + Configurations.small, in: scratch)
    #expect(resumed.code == 0)
    #expect(
      try TensorFile(scratch.file("run/weights.safetensors")).data
        == TensorFile(scratch.file("whole/weights.safetensors")).data)
    #expect(
      try scratch.runFiles(in: "run") == unfinishedRunFiles + ["weights.safetensors"])
  }

  @Test func aSecondSignalEndsTheProcessAtOnce() throws {
    let scratch = try ScratchDirectory()
    // One step is the work of seconds, so that the run cannot have ended by itself between the two signals.
    let process = try CommandProcess(
      Self.endless + Configurations.synthetic
        + ["--set", "batchSize=4096", "--replicas", "1", "--set", "kernels.matmul=openBLAS"],
      in: scratch)
    process.wait { process.errors.contains("run directory") }
    process.send(SIGINT)
    usleep(50_000)
    process.send(SIGINT)
    #expect(try process.outcome().code == 130)
    #expect(!scratch.exists("run/weights.safetensors"))
  }

  /// Nobody is late while the whole process is stopped, as by a shell's Ctrl-Z.
  @Test func aStoppedProcessGoesOn() throws {
    let scratch = try ScratchDirectory()
    let process = try CommandProcess(
      Self.endless + Configurations.small
        + ["--set", "logEvery=1", "--set", "communication.timeout=2"], in: scratch)
    process.wait { ((try? scratch.text("run/shards.csv")) ?? "").contains("\n3,7,") }
    process.send(SIGSTOP)
    sleep(4)
    let before = try scratch.text("run/shards.csv").utf8.count
    process.send(SIGCONT)
    process.wait { ((try? scratch.text("run/shards.csv")) ?? "").utf8.count > 2 * before }
    process.send(SIGINT)
    let outcome = try process.outcome()
    #expect(outcome.code == 130, "\(outcome.errors)")
  }
}
