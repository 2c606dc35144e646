import Foundation
import RunConfiguration
import RunFiles
import TestSupport
import Testing

/// Runs that go on after they were stopped, in whatever way.
@Suite struct ResumeTests {
  /// Drawings of a few pixels, and something to write in every step.
  static let schedule =
    Configurations.small + [
      "--set", "logEvery=1", "--set", "sampleEvery=10", "--set", "shards.gradientEvery=3",
      "--set", "checkpoint.every=5", "--quiet",
    ]

  static func arguments(steps: Int, _ output: String) -> [String] {
    ["train", Configurations.gan, "--steps", "\(steps)", "--output", output] + schedule
  }

  static func lastStep(_ scratch: ScratchDirectory, _ run: String) -> Int {
    let rows = ((try? scratch.text("\(run)/shards.csv")) ?? "").split(separator: "\n")
    return rows.last.flatMap { Int($0.prefix { $0 != "," }) } ?? 0
  }

  /// Checks that both runs have the same tables, and the same parameters at their ends.
  static func expectSame(
    _ scratch: ScratchDirectory, _ run: String, _ whole: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for table in ["shards", "gradients", "batch_norm"] {
      #expect(
        try scratch.data("\(run)/\(table).csv") == scratch.data("\(whole)/\(table).csv"),
        "\(table)", sourceLocation: sourceLocation)
    }
    let steps = try [run, whole].map { run in
      try scratch.text("\(run)/metrics.jsonl").split(separator: "\n").map { line in
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      }.map { $0?["step"] as? Int }
    }
    #expect(steps[0] == steps[1], sourceLocation: sourceLocation)
    #expect(
      try TensorFile(scratch.file("\(run)/weights.safetensors")).data
        == TensorFile(scratch.file("\(whole)/weights.safetensors")).data,
      sourceLocation: sourceLocation)
    #expect(
      try scratch.runFiles(in: run).filter { $0 != "events" }
        == scratch.runFiles(in: whole).filter { $0 != "events" }, sourceLocation: sourceLocation)
  }

  private static func resume(
    _ scratch: ScratchDirectory, _ run: String = "run", _ options: [String] = []
  ) throws -> CommandProcess.Outcome {
    try CommandProcess.run(["train", "--resume", run, "--quiet"] + options, in: scratch)
  }

  @Test func aRunThatIsKilledAgainAndAgainComesToTheSameEnd() throws {
    let scratch = try ScratchDirectory()
    let whole = try CommandProcess.run(Self.arguments(steps: 60, "whole"), in: scratch)
    try #require(whole.code == 0, "\(whole.errors)")
    var process = try CommandProcess(Self.arguments(steps: 60, "run"), in: scratch)
    for kill in 1...5 {
      process.wait { Self.lastStep(scratch, "run") >= 9 * kill }
      process.send(SIGKILL)
      #expect(try process.outcome().code == 128 + SIGKILL)
      process = try CommandProcess(["train", "--resume", "run", "--quiet"], in: scratch)
    }
    let outcome = try process.outcome()
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
    try Self.expectSame(scratch, "run", "whole")
  }

  @Test func aRunThatHasNoCheckpointYetBeginsAgain() throws {
    let scratch = try ScratchDirectory()
    try #require(try CommandProcess.run(Self.arguments(steps: 4, "whole"), in: scratch).code == 0)
    // Killed as soon as there was something.
    try FileManager.default.createDirectory(
      atPath: scratch.file("run"), withIntermediateDirectories: false)
    try FileManager.default.copyItem(
      atPath: scratch.file("whole/config.yaml"), toPath: scratch.file("run/config.yaml"))
    #expect(try Self.resume(scratch).code == 0)
    try Self.expectSame(scratch, "run", "whole")
    #expect(scratch.exists("run/reals.png"))
  }

  /// Where something was recorded, there must be a checkpoint.
  @Test func aRunWithoutItsCheckpointsIsLeftAlone() throws {
    let scratch = try ScratchDirectory()
    try #require(try CommandProcess.run(Self.arguments(steps: 4, "run"), in: scratch).code == 0)
    try FileManager.default.removeItem(atPath: scratch.file("run/checkpoints"))
    let before = try scratch.data("run/shards.csv")
    expectSentence(try Self.resume(scratch), code: 65, naming: ["run", "no checkpoint"])
    #expect(try scratch.data("run/shards.csv") == before)
    #expect(scratch.exists("run/weights.safetensors"))
  }

  /// What was allowed to change is kept, even if the run is killed before its next checkpoint.
  @Test func anAllowedChangeIsNotForgotten() throws {
    let scratch = try ScratchDirectory()
    try #require(try CommandProcess.run(Self.arguments(steps: 6, "run"), in: scratch).code == 0)
    let process = try CommandProcess(
      [
        "train", "--resume", "run", "--quiet", "--steps", "100000", "--set", "checkpoint.every=0",
        "--allow-change", "steps, checkpoint.every",
      ], in: scratch)
    process.wait { Self.lastStep(scratch, "run") >= 9 }
    process.send(SIGKILL)
    _ = try process.outcome()
    let again = try CommandProcess(["train", "--resume", "run", "--quiet"], in: scratch)
    again.wait { Self.lastStep(scratch, "run") >= 12 }
    again.send(SIGTERM)
    #expect(try again.outcome().code == 143)
    #expect(try scratch.text("run/config.yaml").contains("steps: 100000\n"))
    let less = try Self.resume(scratch, "run", ["--steps", "3", "--allow-change", "steps"])
    expectSentence(less, code: 65, naming: ["steps: 3 is impossible"])
  }

  /// Progress goes nowhere, the run goes on.
  @Test func nobodyNeedsToListen() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "4", "--output", "run"] + Configurations.small,
      in: scratch, launcher: ["sh", "-c", "exec \"$@\" 2> /dev/full", "sh"])
    #expect(outcome.code == 0)
    #expect(scratch.exists("run/weights.safetensors"))
  }

  // MARK: - Signals

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143)), (SIGHUP, Int32(129))])
  func aSignalSavesAndTheRunGoesOn(_ signal: Int32, _ code: Int32) throws {
    let scratch = try ScratchDirectory()
    let options = ["--set", "checkpoint.every=0"]
    let process = try CommandProcess(
      Self.arguments(steps: 1 << 31, "run") + options, in: scratch,
      launcher: ["env", "--default-signal=HUP"])
    process.wait { Self.lastStep(scratch, "run") >= 3 }
    process.send(signal)
    if signal == SIGHUP {
      // A shell and the kernel each send one when a terminal is closed.
      usleep(1000)
      process.send(signal)
    }
    #expect(try process.outcome().code == code)
    let last = Self.lastStep(scratch, "run")
    #expect(
      try scratch.names(in: "run/checkpoints")
        == [0, last].map {
          "step-\(String(format: "%06d", $0)).safetensors"
        })
    // Nothing of what was done is done again.
    let outcome = try CommandProcess.run(
      ["train", "--resume", "run", "--steps", "\(last + 10)", "--allow-change", "steps"],
      in: scratch)
    #expect(outcome.code == 0 && outcome.errors.contains("goes on after step \(last)\n"))
    let whole = try CommandProcess.run(
      Self.arguments(steps: last + 10, "whole") + options, in: scratch)
    #expect(whole.code == 0)
    try Self.expectSame(scratch, "run", "whole")
  }

  /// What nohup asks for.
  @Test func aHangUpThatIsIgnoredChangesNothing() throws {
    let scratch = try ScratchDirectory()
    let process = try CommandProcess(
      Self.arguments(steps: 1 << 31, "run"), in: scratch,
      launcher: ["env", "--ignore-signal=HUP"])
    process.wait { Self.lastStep(scratch, "run") >= 3 }
    process.send(SIGHUP)
    let last = Self.lastStep(scratch, "run")
    process.wait { Self.lastStep(scratch, "run") > last + 2 }
    process.send(SIGTERM)
    #expect(try process.outcome().code == 143)
  }

  @Test func aWishedCheckpointIsSavedAndTheRunGoesOn() throws {
    let scratch = try ScratchDirectory()
    let process = try CommandProcess(
      Self.arguments(steps: 1 << 31, "run") + ["--set", "checkpoint.every=0"], in: scratch)
    process.wait { Self.lastStep(scratch, "run") >= 3 }
    process.send(SIGUSR1)
    let isSaved = {
      let names = (try? scratch.names(in: "run/checkpoints")) ?? []
      return names.count == 2 && names.allSatisfy { $0.hasSuffix(".safetensors") }
    }
    process.wait(until: isSaved)
    let saved = Self.lastStep(scratch, "run")
    process.wait { Self.lastStep(scratch, "run") > saved + 2 }
    #expect(Self.lastStep(scratch, "run") > saved + 2)
    process.send(SIGKILL)
    _ = try process.outcome()
    #expect(isSaved())
  }

  // MARK: - Damage

  @Test func aDamagedCheckpointIsReportedAndTheOneBeforeIsTaken() throws {
    let scratch = try ScratchDirectory()
    let whole = try CommandProcess.run(Self.arguments(steps: 17, "run"), in: scratch)
    try #require(whole.code == 0)
    let newest = "run/checkpoints/step-000017.safetensors"
    let weights = try TensorFile(scratch.file("run/weights.safetensors"))
    var bytes = [UInt8](try scratch.data(newest))
    bytes[bytes.count / 2] ^= 16
    try scratch.write(bytes, as: newest)
    let outcome = try Self.resume(scratch)
    #expect(outcome.code == 0)
    #expect(outcome.complaints.count == 1)
    #expect(outcome.errors.contains("\(newest): damaged: ") && outcome.errors.contains("before it"))
    #expect(try TensorFile(scratch.file("run/weights.safetensors")).data == weights.data)

    // All of them: nothing is touched.
    let before = try scratch.data("run/shards.csv")
    for name in try scratch.names(in: "run/checkpoints") {
      try scratch.write(
        scratch.data("run/checkpoints/\(name)").dropLast(), as: "run/checkpoints/\(name)")
    }
    let refused = try Self.resume(scratch)
    #expect(refused.code == 65)
    #expect(refused.errors.contains("error: run: there is no checkpoint that can be read"))
    #expect(try scratch.data("run/shards.csv") == before)
  }

  /// On a disk for two checkpoints and a half, of which the third is never complete.
  @Test(.enabled(if: PrivateMounts.areAllowed, "needs a mount namespace of its own"))
  func aCheckpointForWhichThereIsNoRoomLeavesThoseBefore() throws {
    let scratch = try ScratchDirectory()
    try #require(try CommandProcess.run(Self.arguments(steps: 1, "one"), in: scratch).code == 0)
    let size = try scratch.data("one/checkpoints/step-000000.safetensors").count
    let script = """
      mkdir disk && mount -t tmpfs -o size=\(size * 5 / 2 + 400_000) tmpfs disk && "$@"
      code=$?
      rm -f disk/run/weights.safetensors
      cp -r disk copy
      exit $code
      """
    let outcome = try CommandProcess.run(
      Self.arguments(steps: 17, "disk/run"), in: scratch,
      launcher: PrivateMounts.launcher + ["sh", "-c", script, "sh"])
    #expect(outcome.code == 1)
    #expect(outcome.errors.contains("step-000010.safetensors: cannot be written: No space left"))
    let end = outcome.errors.split(separator: "\n").last ?? ""
    #expect(end.hasPrefix("selfgan: error: disk/run/") && end.contains("No space left on device"))
    #expect(
      try scratch.names(in: "copy/run/checkpoints")
        == ["step-000000.safetensors", "step-000005.safetensors"])
    #expect(try Self.resume(scratch, "copy/run").code == 0)
    try #require(try CommandProcess.run(Self.arguments(steps: 17, "whole"), in: scratch).code == 0)
    try Self.expectSame(scratch, "copy/run", "whole")
  }

  @Test(.enabled(if: PrivateMounts.areAllowed, "needs a mount namespace of its own"))
  func aDirectoryThatCannotBeWrittenIsRefused() throws {
    let scratch = try ScratchDirectory()
    try #require(try CommandProcess.run(Self.arguments(steps: 6, "run"), in: scratch).code == 0)
    let script = "mount --bind -o ro run run && mount -o remount,ro,bind run && \"$@\""
    let outcome = try CommandProcess.run(
      ["train", "--resume", "run"], in: scratch,
      launcher: PrivateMounts.launcher + ["sh", "-c", script, "sh"])
    expectSentence(outcome, code: 65, naming: ["run/", "Read-only file system"])
  }

  // MARK: - What may change

  @Test func aChangedConfigurationIsRefusedWithItsKeys() throws {
    let scratch = try ScratchDirectory()
    try #require(try CommandProcess.run(Self.arguments(steps: 6, "run"), in: scratch).code == 0)
    let options = ["--seed", "2", "--set", "optimizer.learningRate=1e-4"]
    let outcome = try Self.resume(scratch, "run", options)
    expectSentence(
      outcome, code: 65,
      naming: ["seed is 1", "and 2 now", "optimizer.learningRate is 0.0002", "step-000006"])
    let half = try Self.resume(scratch, "run", options + ["--allow-change", "seed"])
    expectSentence(half, code: 65, naming: ["--allow-change names optimizer.learningRate"])
    #expect(!half.errors.contains("seed"))
    let unknown = try Self.resume(scratch, "run", options + ["--allow-change", "sed"])
    expectSentence(unknown, code: 65, naming: ["sed: unknown key; did you mean seed?"])
    let shape = try Self.resume(scratch, "run", ["--replicas", "4", "--allow-change", "replicas"])
    expectSentence(shape, code: 65, naming: ["replicas/", "step-000006.safetensors", "shape"])
    let allowed = try Self.resume(
      scratch, "run", options + ["--allow-change", "seed,optimizer.learningRate"])
    #expect(allowed.code == 0, "\(allowed.errors)")
    #expect(try scratch.text("run/config.yaml").contains("seed: 2\n"))
    // The file of the run is another one than that of the checkpoint.
    let other = try CommandProcess.run(
      ["train", Configurations.path("gan-gpu"), "--resume", "run"], in: scratch)
    expectSentence(other, code: 65, naming: ["objective.kind is \"selfTPU\""])
  }

  @Test func aCheckpointBeginsARunOfItsOwn() throws {
    let scratch = try ScratchDirectory()
    try #require(try CommandProcess.run(Self.arguments(steps: 12, "run"), in: scratch).code == 0)
    let from = "run/checkpoints/step-000010.safetensors"
    #expect(try Self.resume(scratch, from, ["--output", "other"]).code == 0)
    #expect(
      try TensorFile(scratch.file("run/weights.safetensors")).data
        == TensorFile(scratch.file("other/weights.safetensors")).data)
    let rows = try ShardsTable(scratch.text("other/shards.csv")).rows
    #expect(rows.compactMap { $0["step"] } == [11, 12].flatMap { Array(repeating: $0, count: 8) })
    let refused = try Self.resume(scratch, "run", ["--output", "elsewhere"])
    expectSentence(refused, code: 65, naming: ["--output", "elsewhere"])
  }

  @Test func whatCannotBeResumedIsRefused() throws {
    let scratch = try ScratchDirectory()
    try #require(try CommandProcess.run(Self.arguments(steps: 2, "run"), in: scratch).code == 0)
    try scratch.write("x", as: "file")
    try FileManager.default.createDirectory(
      atPath: scratch.file("empty"), withIntermediateDirectories: false)
    for (run, facts) in [
      ("missing", ["missing", "No such file"]), ("file", ["file", "safetensors"]),
      ("empty", ["empty", "no checkpoint"]), ("latest", ["latest", "no numbered run"]),
      ("", ["--resume"]), ("run/weights.safetensors", ["not a checkpoint"]),
    ] {
      expectSentence(try Self.resume(scratch, run), code: 65, naming: facts)
    }
    let alone = try CommandProcess.run(
      ["train", Configurations.gan, "--allow-change", "seed"], in: scratch)
    #expect(alone.code == 64 && alone.errors.contains("--resume"))
  }

  /// It is refused for what it lacks, before a run of its size takes memory.
  @Test func aCheckpointOfAnotherSizeThanItSaysIsRefused() throws {
    let scratch = try ScratchDirectory()
    try CheckpointFiles.write("run", in: scratch)
    let path = CheckpointFiles.path("run", step: 2)
    var checkpoint = try Checkpoint(path: scratch.file(path))
    checkpoint.facts.configuration = try Configuration.decode(
      checkpoint.facts.configuration, source: "test",
      overrides: ["replicas=1024", "batchSize=65536"]
    ).json
    try checkpoint.write(to: scratch.file(path))
    for run in ["run", path] {
      let outcome = try Self.resume(scratch, run)
      expectSentence(outcome, code: 65, naming: [path, "[4, ", "is not the model's [1024, "])
      #expect(!outcome.errors.contains("data: "))
    }
  }

  @Test func aRunThatGoesOnIsLeftAlone() throws {
    let scratch = try ScratchDirectory()
    let process = try CommandProcess(Self.arguments(steps: 1 << 31, "run"), in: scratch)
    process.wait { Self.lastStep(scratch, "run") >= 6 }
    let outcome = try Self.resume(scratch)
    expectSentence(outcome, code: 65, naming: ["run: another process is writing into this run"])
    process.send(SIGTERM)
    #expect(try process.outcome().code == 143)
  }
}
