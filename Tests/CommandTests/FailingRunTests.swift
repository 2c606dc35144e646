import Foundation
import TestSupport
import Testing

/// Runs that fail on their way: exit code 1, one sentence, and what was written before stays.
@Suite struct FailingRunTests {
  /// Steps of size 1 without damping: the second moment of a vanished gradient divides 0 by 0.
  static let diverging = [
    "--set", "optimizer.learningRate=1", "--set", "optimizer.epsilon=1e-300",
    "--set", "optimizer.beta1=0", "--set", "optimizer.beta2=0", "--set", "logEvery=1",
  ]

  @Test func aNumberThatIsNotFiniteEndsTheRunWithItsOrigin() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "1000", "--output", "run"]
        + Configurations.small + Self.diverging, in: scratch)
    expectSentence(outcome, code: 1, naming: [])
    let sentence = outcome.complaints.first ?? ""
    let match = try #require(
      sentence.firstMatch(
        of: /step (\d+): (generator\/dense_0): adam made nan in generator\/dense_0\/kernel/),
      "\(sentence)")
    let failed = try #require(Int(match.1))
    #expect(sentence.contains("the checkpoint of step 0 is good"))
    #expect(try scratch.names(in: "run/checkpoints") == ["step-000000.safetensors"])

    // Every step before it has been logged, all of them with numbers.
    let table = try ShardsTable(scratch.text("run/shards.csv"))
    #expect(table.rows.count == 8 * (failed - 1))
    #expect(table.rows.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    let lines = try scratch.text("run/metrics.jsonl").split(separator: "\n")
    #expect(lines.count == failed - 1)
    #expect(scratch.exists("run/config.yaml") && scratch.exists("run/reals.png"))
  }

  @Test func aTraceOfItFailsToo() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      ["trace", Configurations.gan, "--steps", "10", "--output", "trace"]
        + Configurations.small + Self.diverging, in: scratch)
    expectSentence(outcome, code: 1, naming: ["replica", "step", "loss_"])
    #expect(try scratch.names() == [])
  }

  /// With the signal ignored, a file that outgrows the limit is a failed write, as on a full disk.
  @Test func aCheckpointThatCannotBeWrittenEndsTheRunBeforeItsFirstStep() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      [
        "train", Configurations.gan, "--steps", "3", "--output", "run", "--quiet",
        "--set", "logEvery=1",
      ] + Configurations.small, in: scratch,
      launcher: ["sh", "-c", "trap '' XFSZ; ulimit -f 512; exec \"$@\"", "sh"])
    expectSentence(
      outcome, code: 1, naming: ["run/checkpoints/step-000000.safetensors", "File too large"])
    #expect(try ShardsTable(scratch.text("run/shards.csv")).rows.isEmpty)
    #expect(
      try scratch.runFiles(in: "run") == unfinishedRunFiles)
  }

  /// The checkpoint is there, and the run can go on once the way is free.
  @Test func weightsThatCannotBeWrittenAreAFailure() throws {
    let scratch = try ScratchDirectory()
    let process = try CommandProcess(ResumeTests.arguments(steps: 1 << 31, "run"), in: scratch)
    process.wait { ResumeTests.lastStep(scratch, "run") >= 3 }
    let weights = scratch.file("run/weights.safetensors")
    try FileManager.default.createDirectory(atPath: weights, withIntermediateDirectories: false)
    process.send(SIGTERM)
    expectSentence(
      try process.outcome(), code: 1, naming: ["run/weights.safetensors", "no regular file"])
    let last = ResumeTests.lastStep(scratch, "run")
    try FileManager.default.removeItem(atPath: weights)
    let outcome = try CommandProcess.run(
      ["train", "--resume", "run", "--steps", "\(last)", "--allow-change", "steps"], in: scratch)
    #expect(outcome.code == 0 && outcome.errors.contains("goes on after step \(last)\n"))
    #expect(scratch.exists("run/weights.safetensors"))
  }

  @Test(.enabled(if: PrivateMounts.areAllowed, "needs a mount namespace of its own"))
  func aFullDiskEndsTheRun() throws {
    let scratch = try ScratchDirectory()
    let script = """
      mkdir disk && mount -t tmpfs -o size=1m tmpfs disk && "$@"
      code=$?
      cp -r disk copy
      exit $code
      """
    let outcome = try CommandProcess.run(
      [
        "train", Configurations.gan, "--steps", "3", "--output", "disk/run", "--quiet",
        "--set", "logEvery=1",
      ] + Configurations.small, in: scratch,
      launcher: PrivateMounts.launcher + ["sh", "-c", script, "sh"])
    expectSentence(
      outcome, code: 1,
      naming: ["disk/run/checkpoints/step-000000.safetensors", "No space left on device"])
    #expect(try ShardsTable(scratch.text("copy/run/shards.csv")).rows.isEmpty)
    #expect(
      try scratch.runFiles(in: "copy/run") == unfinishedRunFiles)
  }
}

/// Mounts that nobody else sees, and that go with the process.
enum PrivateMounts {
  static let launcher = ["unshare", "--map-root-user", "--mount"]

  static let areAllowed: Bool = {
    let trial = Process()
    trial.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    trial.arguments = launcher + ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    trial.standardError = FileHandle.nullDevice
    guard (try? trial.run()) != nil else { return false }
    trial.waitUntilExit()
    return trial.terminationStatus == 0
  }()
}
