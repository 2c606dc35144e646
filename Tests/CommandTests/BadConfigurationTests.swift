import Foundation
import TestSupport
import Testing

/// Values that no run can have: exit code 65 and one sentence.
@Suite struct BadConfigurationTests {
  /// Options behind `train CONFIG`, and what the sentence has to name.
  struct Refused: CustomTestStringConvertible {
    let options: [String]
    let named: [String]
    var testDescription: String { options.joined(separator: " ") }

    init(_ options: [String], _ named: String...) {
      self.options = options
      self.named = named
    }

    /// One `--set`.
    init(set override: String, _ named: String...) {
      options = ["--set", override]
      self.named = named
    }
  }

  private func expectRefusal(
    _ options: [String], naming facts: [String], configuration: String = Configurations.gan,
    in scratch: ScratchDirectory
  ) throws {
    let before = try scratch.names()
    let outcome = try CommandProcess.run(
      ["train", configuration, "--output", "run"] + Configurations.synthetic + options,
      in: scratch)
    expectSentence(outcome, code: 65, naming: facts)
    #expect(try scratch.names() == before)
  }

  @Test(arguments: [
    Refused(
      ["--replicas", "7"],
      "batch_size must be divisible by the number of TPU cores in use (64 vs 7)"),
    Refused(set: "batchSize=100", "(100 vs 8)"),
    Refused(["--replicas", "0"], "replicas", "0"),
    Refused(["--replicas=-8"], "replicas", "-8"),
    Refused(["--replicas", "9223372036854775807"], "replicas", "1024"),
    Refused(["--threads", "0"], "threads", "0"),
    Refused(["--threads", "9"], "threads", "9", "8"),
    Refused(["--steps", "0"], "steps", "0"),
    Refused(["--steps=-5"], "steps", "-5"),
  ])
  func options(_ refused: Refused) throws {
    try expectRefusal(refused.options, naming: refused.named, in: ScratchDirectory())
  }

  @Test(arguments: [
    Refused(set: "batchSzie=3", "batchSzie", "batchSize"),
    Refused(set: "optimizer.learningrate=1", "optimizer.learningrate", "optimizer.learningRate"),
    Refused(set: "model.image.hieght=28", "model.image.hieght", "model.image.height"),
    Refused(set: "objectve.kind=classic", "objectve", "objective"),
    Refused(set: "zzzzzzzz=1", "zzzzzzzz", "batchSize", "steps"),
    Refused(set: "model.image.depth.x=1", "model.image.depth"),
    Refused(set: "model..height=28", "model..height", "model.image.height"),
    Refused(set: ".steps=3", ".steps"),
    Refused(set: "steps.=3", "steps."),
  ])
  func unknownKeys(_ refused: Refused) throws {
    try expectRefusal(refused.options, naming: refused.named, in: ScratchDirectory())
  }

  @Test(arguments: [
    Refused(set: "batchSize=many", "batchSize", "many", "integer"),
    Refused(set: "batchSize=6.4", "batchSize", "6.4", "integer"),
    Refused(set: "batchSize=", "batchSize"),
    Refused(set: "model=3", "model", "3"),
    Refused(set: "steps=[1, 2]", "steps", "integer"),
    Refused(set: "optimizer.learningRate=fast", "optimizer.learningRate", "fast"),
    Refused(set: "optimizer.learningRate=.nan", "optimizer.learningRate"),
    Refused(set: "objective.detachWeights=3", "objective.detachWeights", "true"),
    Refused(set: "objective.kind=selfTPV", "objective.kind", "selfTPV", "selfTPU"),
    Refused(set: "kernels.matmul=mkl", "kernels.matmul", "mkl", "oneDNN, openBLAS"),
    Refused(set: "data.order=random", "data.order", "random", "replacement"),
    Refused(set: "seed=-1", "seed", "-1"),
  ])
  func wrongTypes(_ refused: Refused) throws {
    try expectRefusal(refused.options, naming: refused.named, in: ScratchDirectory())
  }

  @Test(arguments: [
    Refused(set: "model.image.height=-1", "model.image.height", "-1"),
    Refused(set: "model.image.width=0", "model.image.width", "0"),
    Refused(set: "model.image.channels=5", "model.image.channels", "5"),
    Refused(set: "model.image.height=9223372036854775807", "model.image.height"),
    Refused(set: "model.latentSize=1000000000", "model.latentSize", "1000000000"),
    Refused(set: "model.latentSize=99999999999999999999", "model.latentSize"),
    Refused(set: "batchSize=-64", "batchSize", "-64"),
    Refused(set: "batchSize=1000000000000", "batchSize"),
    Refused(set: "optimizer.learningRate=-1", "optimizer.learningRate", "-1"),
    Refused(set: "optimizer.learningRate=0", "optimizer.learningRate", "0"),
    Refused(set: "optimizer.beta1=1", "optimizer.beta1", "1"),
    Refused(set: "optimizer.epsilon=0", "optimizer.epsilon", "0"),
    Refused(set: "logEvery=0", "logEvery", "0"),
    Refused(set: "sampleEvery=-1", "sampleEvery", "-1"),
    Refused(set: "shards.gradientEvery=-1", "shards.gradientEvery", "-1"),
    Refused(set: "communication.timeout=0", "communication.timeout", "0"),
    Refused(set: "batchNorm.scope=3", "batchNorm.scope", "3", "8"),
  ])
  func impossibleValues(_ refused: Refused) throws {
    try expectRefusal(refused.options, naming: refused.named, in: ScratchDirectory())
  }

  @Test(arguments: [
    ["model.image.height=30", "model.image.height", "multiple of 4"],
    ["model.image.width=4", "model.image.width", "multiple of 4"],
    ["tpu.legalize=false", "ResizeNearestNeighbor", "generator/up_sampling_0", "XLA_TPU_JIT"],
  ])
  func whatDCGANCannotBe(_ setting: [String]) throws {
    try expectRefusal(
      ["--set", "model.kind=dcgan", "--set", setting[0]], naming: Array(setting.dropFirst()),
      in: ScratchDirectory())
  }

  @Test(arguments: ["steps", "=5", "", "batchSize"])
  func malformedOverrides(_ override: String) throws {
    try expectRefusal(["--set", override], naming: ["key.path=value"], in: ScratchDirectory())
  }

  /// A configuration's text, and what the sentence has to name beside the file.
  @Test(arguments: [
    ("", "empty"), ("# Only a remark.\n", "empty"), ("- steps\n- 3\n", "list"),
    ("steps: [1\n", "YAML"), ("steps: 1\nsteps: 2\n", "steps"), ("\u{0}\u{1}", "YAML"),
    ("&a [*a]\n", "alias"),
  ])
  func badFiles(_ text: String, _ named: String) throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(text, as: "bad.yaml")
    try expectRefusal([], naming: ["bad.yaml", named], configuration: path, in: scratch)
  }

  @Test func aBadKeyInAFileIsNamed() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write("optimizer: {learnRate: 1}\n", as: "bad.yaml")
    try expectRefusal(
      [], naming: ["optimizer.learnRate", "optimizer.learningRate"], configuration: path,
      in: scratch)
  }

  @Test func aFileOfOtherBytesIsRefused() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(Data([0xFF, 0xFE, 0x00, 0x80]), as: "bad.yaml")
    try expectRefusal([], naming: ["bad.yaml", "UTF-8"], configuration: path, in: scratch)
  }

  @Test func aMissingFileIsRefused() throws {
    let scratch = try ScratchDirectory()
    try expectRefusal([], naming: ["nowhere.yaml"], configuration: "nowhere.yaml", in: scratch)
  }

  @Test func aDirectoryIsNoConfiguration() throws {
    let scratch = try ScratchDirectory()
    try expectRefusal([], naming: ["directory"], configuration: scratch.path, in: scratch)
  }

  @Test(arguments: ["trace", "benchmark", "inspect"])
  func everyCommandRefusesThem(_ command: String) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      [command, Configurations.gan, "--replicas", "7", "--steps", "1"]
        + (command == "trace" ? ["--output", "trace"] : []), in: scratch)
    expectSentence(outcome, code: 65, naming: ["(64 vs 7)"])
    #expect(try scratch.names() == [])
  }

  @Test func aNegativeWarmupIsRefused() throws {
    let outcome = try CommandProcess.run(
      ["benchmark", Configurations.gan, "--warmup=-1"] + Configurations.small,
      in: ScratchDirectory())
    expectSentence(outcome, code: 65, naming: ["warmup", "-1"])
  }

  @Test(arguments: [["65536"], ["64", "--set", "model.image.channels=4"]])
  func aPlanBeyondTheMemoryIsRefusedWithBothFigures(_ batch: [String]) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      [
        "train", Configurations.gan, "--output", "run", "--set", "model.image.height=4096",
        "--set", "model.image.width=4096", "--set", "batchSize=\(batch[0])",
      ]
        + batch.dropFirst() + Configurations.synthetic, in: scratch)
    let mebibytes = Int(ProcessInfo.processInfo.physicalMemory >> 20)
    expectSentence(outcome, code: 65, naming: ["\(mebibytes) MiB"])
    let figures = (outcome.complaints.first ?? "").matches(of: /(\d+) MiB/)
      .compactMap { Int($0.1) }
    #expect(figures.count == 2 && figures.contains { $0 > mebibytes }, "\(outcome.errors)")
    #expect(try scratch.names() == [])
  }
}
