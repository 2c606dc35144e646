import Foundation
import RunFiles
import TestSupport
import Testing

/// `selfgan checkpoint show` and `selfgan checkpoint verify`.
@Suite struct CheckpointCommandTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func checkpoint(_ arguments: String...) throws -> CommandProcess.Outcome {
    try CommandProcess.run(["checkpoint"] + arguments, in: scratch)
  }

  private func json(_ arguments: String...) throws -> [[String: Any]] {
    let outcome = try CommandProcess.run(
      ["checkpoint", "show", "--json"] + arguments, in: scratch)
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
    return try #require(object as? [[String: Any]])
  }

  @Test func aFileIsShownWithItsFactsAndTensors() throws {
    try CheckpointFiles.write("run", in: scratch, steps: [2], scores: [0.25])
    let path = CheckpointFiles.path("run", step: 2)
    let shown = try #require(try json(path).first)
    #expect(shown["step"] as? Int == 2 && shown["replicas"] as? Int == 4)
    #expect(shown["score"] as? Double == 0.25 && shown["scored"] as? String == "loss.self")
    let file = try TensorFile(scratch.file(path))
    let tensors = try #require(shown["tensors"] as? [[String: Any]])
    #expect(Set(tensors.compactMap { $0["name"] as? String }) == Set(file.shapes.keys))
    for tensor in tensors {
      let name = try #require(tensor["name"] as? String)
      let values = file.values(name).map(Double.init)
      #expect(tensor["shape"] as? [Int] == file.shapes[name])
      #expect(tensor["nonFinite"] as? Int == 0)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs((tensor["norm"] as? Double ?? -1) - norm) <= 1e-9 * norm, "\(name)")
      #expect(abs((tensor["minimum"] as? Double ?? -9) - (values.min() ?? 0)) < 1e-6, "\(name)")
      #expect(abs((tensor["maximum"] as? Double ?? -9) - (values.max() ?? 0)) < 1e-6, "\(name)")
    }
    let text = try checkpoint("show", path)
    #expect(text.code == 0 && text.errors == "")
    let lines = text.output.split(separator: "\n").map(String.init)
    #expect(lines.contains("step        2") && lines.contains("score       0.25 (loss.self)"))
    #expect(lines.count { $0.hasPrefix("replicas/") } == file.names(under: "replicas/").count)
  }

  @Test func aRunsCheckpointsAreListedWithTheBestAndTheDamaged() throws {
    try CheckpointFiles.write(
      "runs/00003-x", in: scratch, steps: [1, 2, 3], scores: [0.5, 0.25, 0.125])
    let newest = CheckpointFiles.path("runs/00003-x", step: 3)
    try CheckpointFiles.damage(newest, in: scratch)
    let outcome = try checkpoint("show", "latest")
    #expect(outcome.code == 0 && outcome.errors == "")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.count == 4)
    #expect(lines.count { $0.contains("best") } == 1 && lines[2].contains("best"))
    #expect(lines[1].hasSuffix("ok") && lines[3].contains("damaged: its checksum"))
    let run = try #require(try json("latest").first)
    let entries = try #require(run["checkpoints"] as? [[String: Any]])
    #expect(entries.map { $0["step"] as? Int } == [1, 2, 3])
    #expect(entries.map { $0["isBest"] as? Bool } == [false, true, false])
    #expect(entries.map { $0["score"] as? Double } == [0.5, 0.25, nil])
    #expect(
      try entries.map { $0["bytes"] as? Int }
        == [1, 2, 3].map { try scratch.data(CheckpointFiles.path("runs/00003-x", step: $0)).count })
  }

  @Test func resultsThatCannotBeWrittenAreAFailure() throws {
    try CheckpointFiles.write("run", in: scratch)
    let outcome = try CommandProcess.run(
      ["checkpoint", "show", "run"], in: scratch,
      launcher: ["sh", "-c", "exec \"$@\" > /dev/full", "sh"])
    expectSentence(outcome, code: 1, naming: ["standard output", "No space left"])
  }

  @Test func aVarianceIsNotNegative() throws {
    try CheckpointFiles.write("run", in: scratch)
    let path = CheckpointFiles.path("run", step: 2)
    let sound = try Checkpoint(path: scratch.file(path))
    for name in [
      "replicas/generator/batch_norm_0/moving_variance",
      "adam/second_moment/generator/dense_0/kernel",
    ] {
      var checkpoint = sound
      let index = try #require(checkpoint.tensors.firstIndex { $0.name == name })
      let tensor = checkpoint.tensors[index]
      checkpoint.tensors[index] = NamedTensor(
        name, shape: tensor.shape, [-1] + tensor.values.dropFirst())
      try checkpoint.write(to: scratch.file(path))
      expectSentence(
        try self.checkpoint("verify", path), code: 65, naming: [path, name, "1 of", "negative"])
    }
  }

  @Test func soundFilesAreOkAndOthersAreASentenceEach() throws {
    try CheckpointFiles.write("run", in: scratch, steps: [1, 2])
    let paths = [1, 2].map { CheckpointFiles.path("run", step: $0) }
    let sound = try checkpoint("verify", "run")
    #expect(sound.code == 0 && sound.errors == "")
    #expect(sound.output == paths.map { "\($0): ok\n" }.joined())

    try CheckpointFiles.damage(paths[1], in: scratch)
    try scratch.write(try scratch.data(paths[0]).dropLast(100), as: "cut.safetensors")
    let outcome = try checkpoint("verify", "run", "cut.safetensors", "nowhere", paths[0])
    #expect(outcome.code == 65)
    #expect(outcome.output == "\(paths[0]): ok\n\(paths[0]): ok\n")
    #expect(outcome.complaints.count == 3, "\(outcome.errors)")
    for (sentence, name) in zip(outcome.complaints, [paths[1], "cut.safetensors", "nowhere"]) {
      #expect(sentence.hasPrefix("selfgan: error: \(name): "), "\(sentence)")
    }
    #expect(try checkpoint("show", "nowhere", paths[0]).code == 65)
  }

  @Test func aRunWithoutCheckpointsIsRefused() throws {
    try FileManager.default.createDirectory(
      atPath: scratch.file("run"), withIntermediateDirectories: true)
    for command in ["show", "verify"] {
      expectSentence(
        try checkpoint(command, "run"), code: 65, naming: ["run", "there is no checkpoint"])
    }
    #expect(try checkpoint("show").code == 64 && checkpoint("verify").code == 64)
    #expect(try checkpoint("--help").output.contains("verify"))
  }
}
