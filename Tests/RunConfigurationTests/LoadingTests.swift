import Foundation
import RunConfiguration
import Testing

/// Layers, spellings of values, and files.
struct LoadingTests {
  private static func decode(
    _ text: String, _ overrides: [String] = []
  ) throws -> Configuration {
    try .decode(text, source: "run.yaml", overrides: overrides)
  }

  @Test func `a file overrides the defaults, overrides the file, later overrides earlier ones`()
    throws
  {
    let text = "steps: 10\nbatchSize: 32\nseed: 7\n"
    let run = try Self.decode(text, ["batchSize=16", "seed=8", "seed=9"])
    #expect(run.logEvery == 100)
    #expect(run.steps == 10)
    #expect(run.batchSize == 16)
    #expect(run.seed == 9)
  }

  @Test func `an override can be a mapping and leaves its neighbours alone`() throws {
    let text = "model: {kind: dcgan, image: {height: 64, width: 64, channels: 3}}"
    let run = try Self.decode(
      text, ["model.image={height: 32, width: 16}", "model={latentSize: 5}"])
    #expect(run.model.kind == .dcgan)
    #expect(run.model.image.height == 32 && run.model.image.width == 16)
    #expect(run.model.image.channels == 3)
    #expect(run.model.latentSize == 5)
  }

  @Test func `validation sees the overrides, not the file alone`() throws {
    #expect(try Self.decode("replicas: 0", ["replicas=4"]).replicas == 4)
    #expect(throws: ConfigurationError.batchNotDivisible(batchSize: 64, replicas: 7)) {
      try Self.decode("replicas: 8", ["replicas=7"])
    }
  }

  @Test func `null opens an optional key again`() throws {
    let text = "threads: 2\nkernels: {matmul: openBLAS}\ndata: {path: images}"
    let file = try Self.decode(text)
    #expect(file.threads == 2 && file.kernels.matmul == .openBLAS && file.data.path == "images")
    let run = try Self.decode(text, ["threads=null", "kernels.matmul=~", "data.path="])
    #expect(run == Configuration())
  }

  @Test(arguments: [
    ("replica", Configuration.BatchNorm.Scope.replica), ("all", .all), ("4", .group(4)),
  ])
  func `a batch-norm scope is a word or a number`(
    text: String, scope: Configuration.BatchNorm.Scope
  ) throws {
    #expect(try Self.decode("batchNorm: {scope: \(text)}").batchNorm.scope == scope)
  }

  @Test func `numbers keep all their bits`() throws {
    let run = try Self.decode(
      "seed: 18446744073709551615\noptimizer: {learningRate: .00012345678901234567, epsilon: 1}")
    #expect(run.seed == .max)
    #expect(run.optimizer.learningRate == 0.00012345678901234567)
    #expect(run.optimizer.epsilon == 1)
  }

  @Test func `what looks like a number is still text where text is expected`() throws {
    #expect(try Self.decode("data: {path: 123}").data.path == "123")
    #expect(try Self.decode("data: {path: 'null'}").data.path == "null")
  }

  @Test func `an anchor can be used again`() throws {
    let run = try Self.decode("model: {image: {height: &side 32, width: *side}}")
    #expect(run.model.image.height == 32 && run.model.image.width == 32)
  }

  @Test func `a byte-order mark, Windows line ends and an empty mapping are YAML`() throws {
    #expect(try Self.decode("\u{feff}steps: 5\r\nseed: 2\r\n").seed == 2)
    #expect(try Self.decode("{}") == Configuration())
  }

  @Test func `a file is read as its text is`() throws {
    try withFile(Data("steps: 12\n".utf8)) { path in
      let run = try Configuration.load(path: path, overrides: ["seed=3"])
      #expect(run.steps == 12 && run.seed == 3)
    }
  }

  @Test(arguments: [
    (Data([0x73, 0xff, 0xfe]), "not UTF-8 text; expected a configuration in YAML"),
    (Data(), "empty; expected a mapping of keys such as model, objective and steps"),
    (
      Data(repeating: 0x23, count: (1 << 16) + 1),
      "larger than 65536 bytes; expected a configuration in YAML"
    ),
  ])
  func `a file that is no configuration is refused with its path`(
    contents: Data, sentence: String
  ) throws {
    try withFile(contents) { path in
      #expect(description { try Configuration.load(path: path) } == "\(path): \(sentence)")
    }
  }

  @Test func `the largest file allowed is read`() throws {
    let comment = Data(repeating: 0x23, count: (1 << 16) - 9)
    try withFile(Data("steps: 5\n".utf8) + comment) { path in
      let run = try Configuration.load(path: path)
      #expect(run.steps == 5)
    }
  }

  @Test func `a missing file and a directory are refused with their paths`() {
    #expect(
      description { try Configuration.load(path: "/nowhere/run.yaml") }
        == "/nowhere/run.yaml: no such file; expected a configuration in YAML")
    #expect(
      description { try Configuration.load(path: "/") }
        == "/: cannot be read: it is a directory")
  }

  /// Nobody writes into it: to open it would take for ever.
  @Test func `a pipe is refused`() {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).yaml").path
    mkfifo(path, 0o600)
    defer { unlink(path) }
    #expect(
      description { try Configuration.load(path: path) } == "\(path): cannot be read: it is a pipe")
  }

  private func withFile(_ contents: Data, _ body: (String) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).yaml")
    try contents.write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    try body(url.path())
  }
}
