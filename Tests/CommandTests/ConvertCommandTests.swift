import Foundation
import TestSupport
import Testing

/// `selfgan checkpoint convert`.
@Suite struct ConvertCommandTests {
  private static let gan = ["--config", Configurations.gan] + Configurations.small

  /// A run of a few steps in `run`, with a checkpoint.
  private func train(in scratch: ScratchDirectory) throws {
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "3", "--output", "run", "--quiet"]
        + Configurations.small, in: scratch)
    try #require(outcome.code == 0, "\(outcome.errors)")
  }

  private func convert(
    _ arguments: [String], in scratch: ScratchDirectory
  ) throws -> CommandProcess.Outcome {
    try CommandProcess.run(["checkpoint", "convert"] + arguments, in: scratch)
  }

  /// Out of a run's directory, and into a checkpoint that a new run goes on from.
  @Test(arguments: ["pytorch", "keras"])
  func weightsGoThereAndBack(_ framework: String) throws {
    let scratch = try ScratchDirectory()
    try train(in: scratch)
    for arguments in [
      ["run", "--to", framework, "--output", "theirs"],
      ["theirs", "--from", framework, "--output", "start"] + Self.gan,
      ["start", "--to", framework, "--output", "again"],
    ] {
      let outcome = try convert(arguments, in: scratch)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output == "" && outcome.errors == "")
    }
    let weights = try TensorFile(scratch.file("run/weights.safetensors"))
    let start = try TensorFile(scratch.file("start"))
    #expect(start.metadata["step"] == "0")
    for name in weights.shapes.keys where !name.contains("moving") {
      #expect(start.bytes(name) == weights.bytes(name), "\(name)")
    }
    let theirs = try scratch.data("theirs").suffix(100_000)
    let isSame = try scratch.data("again").suffix(100_000) == theirs
    #expect(isSame)

    let resumed = try CommandProcess.run(
      ["train", Configurations.gan, "--resume", "start", "--steps", "2", "--output", "resumed"]
        + Configurations.small + ["--allow-change", "steps"], in: scratch)
    #expect(resumed.code == 0, "\(resumed.errors)")
    let traced = try CommandProcess.run(
      ["trace", Configurations.gan, "--initial", "start", "--steps", "1", "--output", "trace"]
        + Configurations.small, in: scratch)
    #expect(traced.code == 0, "\(traced.errors)")
    let trace = try TensorFile(scratch.file("trace"))
    for name in weights.shapes.keys where !name.contains("moving") {
      #expect(trace.bytes("initial/\(name)") == weights.bytes(name), "\(name)")
    }
  }

  @Test func theGeneratorGoesToONNX() throws {
    let scratch = try ScratchDirectory()
    try train(in: scratch)
    let outcome = try convert(
      ["run/weights.safetensors", "--to", "onnx", "--output", "generator.onnx"], in: scratch)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let model = try scratch.data("generator.onnx")
    for text in ["noise", "images", "generator/dense_3/kernel", "selfgan"] {
      #expect(model.range(of: Data(text.utf8)) != nil, "\(text)")
    }
    #expect(model.range(of: Data("discriminator/dense_0".utf8)) == nil)
  }

  @Test(arguments: [
    [], ["--to", "onnx", "--from", "keras"], ["--to", "onnx", "--config", "c"],
    ["--to", "keras", "--seed", "1"], ["--from", "keras"], ["--to", "caffe"],
    ["--from", "keras", "--config", "c", "--statistics", "mean"],
    ["--to", "keras", "--statistics", "own"],
  ])
  func commandLinesThatMeanNothingAreUsageErrors(_ options: [String]) throws {
    let outcome = try convert(["file", "--output", "o"] + options, in: ScratchDirectory())
    #expect(outcome.code == 64)
    #expect(outcome.output == "")
  }

  @Test func whatCannotBeConvertedIsRefusedWithASentence() throws {
    let scratch = try ScratchDirectory()
    try train(in: scratch)
    func expectRefusal(_ arguments: [String], naming facts: [String]) throws {
      let outcome = try convert(arguments, in: scratch)
      expectSentence(outcome, code: 65, naming: facts)
      #expect(!scratch.exists("new"))
    }
    let weights = "run/weights.safetensors"
    try expectRefusal(
      ["nowhere", "--to", "keras", "--output", "new"], naming: ["nowhere", "No such file"])
    try expectRefusal(
      [weights, "--to", "keras", "--output", "new", "--statistics", "mean"],
      naming: [weights, "no statistics \"mean\"", "first"])
    try expectRefusal(
      [weights, "--to", "keras", "--output", weights], naming: ["--output", weights])
    try expectRefusal(
      [weights, "--to", "keras", "--output", "no/new"], naming: ["no/new"])
    try expectRefusal(
      [weights, "--from", "pytorch", "--output", "new"] + Self.gan,
      naming: [weights, "generator/dense_0", "no tensor of this name"])

    _ = try convert([weights, "--to", "keras", "--output", "keras"], in: scratch)
    try expectRefusal(
      ["keras", "--from", "keras", "--output", "new"] + Self.gan
        + ["--set", "model.image.width=7"],
      naming: ["keras", "dense", "30", "42"])
    try scratch.write(try scratch.data("keras").dropLast(4), as: "cut")
    try expectRefusal(
      ["cut", "--from", "keras", "--output", "new"] + Self.gan, naming: ["cut"])

    let file = try #require(try scratch.names(in: "run/checkpoints").last)
    var bytes = try scratch.data("run/checkpoints/\(file)")
    bytes[bytes.count - 1] ^= 1
    try scratch.write(bytes, as: "damaged")
    try expectRefusal(
      ["damaged", "--to", "onnx", "--output", "new"], naming: ["damaged", "checksum"])
  }
}
