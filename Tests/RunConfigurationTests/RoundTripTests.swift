import Foundation
import RunConfiguration
import Testing

/// A configuration that is written reads back as itself, here and through Foundation's JSON.
struct RoundTripTests {
  /// Every key differs from its default.
  private static let unusual: Configuration = {
    var run = Configuration()
    run.model.kind = .dcgan
    run.model.layout = .pytorch
    run.model.latentSize = 7
    run.model.image.height = 64
    run.model.image.width = 32
    run.model.image.channels = 3
    run.objective.kind = .selfGPU
    run.objective.weights = .equal
    run.objective.detachWeights = true
    run.objective.loss = .publishedCrossEntropy
    run.objective.warmUp = true
    run.batchNorm.scope = .group(3)
    run.batchNorm.movingStatistics = .sequential
    run.optimizer.learningRate = 0.1 + 0.2
    run.optimizer.beta1 = .leastNonzeroMagnitude
    run.optimizer.beta2 = 1.0.nextDown
    run.optimizer.epsilon = 1e-8
    run.optimizer.variant = .pytorch
    run.data.kind = .folder
    run.data.path = "/données/\"a\" \\ 日本 😀\n\t: #"
    run.data.order = .sequential
    run.data.resize = .bilinear
    run.data.fraction = 0.2
    run.data.skipBroken = true
    run.kernels.matmul = .openBLAS
    run.kernels.convolution = .oneDNN
    run.tpu.version = .v3
    run.tpu.runtime = .v112
    run.tpu.legalize = false
    run.fusion.upscaledConvolution = false
    run.fusion.biasActivation = false
    run.fusion.normalization = false
    run.fusion.biasGradient = false
    run.fusion.reducedProduct = false
    run.gradients = .sum
    run.batchSize = 36
    run.replicas = 12
    run.steps = 1 << 31
    run.seed = .max
    run.logEvery = .max
    run.sampleEvery = 3
    run.reduction = .ordered
    run.threads = 5
    run.communication.timeout = 0.25
    run.communication.shardedUpdate = false
    run.shards.gradientEvery = 9
    run.checkpoint.every = 0
    run.checkpoint.keep = 7
    run.checkpoint.best = .none
    run.nonFinite = .skip
    return run
  }()

  private static let cases: [Configuration] = [Configuration(), unusual]

  @Test(arguments: cases)
  func `YAML reads back`(run: Configuration) throws {
    #expect(try Configuration.decode(run.yaml, source: "config.yaml") == run)
  }

  @Test(arguments: cases)
  func `JSON reads back, as YAML and by Foundation`(run: Configuration) throws {
    #expect(try Configuration.decode(run.json, source: "config.json") == run)
    let decoded = try JSONDecoder().decode(Configuration.self, from: Data(run.json.utf8))
    #expect(decoded == run)
  }

  /// Foundation's encoder walks the properties themselves, so a property without a key shows here.
  @Test func `the keys are the properties`() throws {
    let encoded = try JSONEncoder().encode(Self.unusual)
    let properties = Self.leaves(try JSONSerialization.jsonObject(with: encoded), "")
    #expect(Set(ConfigurationKey.all.map(\.path)) == Set(properties))
  }

  private static func leaves(_ value: Any, _ path: String) -> [String] {
    guard let object = value as? [String: Any] else { return [path] }
    return object.flatMap { leaves($1, path.isEmpty ? $0 : "\(path).\($0)") }
  }

  @Test func `Foundation's encoding reads back, every scope included`() throws {
    for scope in [Configuration.BatchNorm.Scope.replica, .all, .group(4)] {
      var run = Configuration()
      run.batchNorm.scope = scope
      let encoded = try JSONEncoder().encode(run)
      #expect(try JSONDecoder().decode(Configuration.self, from: encoded) == run)
    }
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Configuration.BatchNorm.Scope.self, from: Data("\"some\"".utf8))
    }
  }

  @Test func `YAML has the documented order`() {
    let text = Configuration().yaml
    #expect(
      text.hasPrefix(
        """
        model:
          kind: gan
          layout: keras
          latentSize: 100
          image:
            height: 28
            width: 28
            channels: 1
        objective:
          kind: selfTPU

        """))
    #expect(
      text.hasSuffix(
        """
        communication:
          timeout: 60.0
          shardedUpdate: true
        shards:
          gradientEvery: 100
        checkpoint:
          every: 1000
          keep: 3
          best: loss.self
        nonFinite: stop

        """))
  }

  /// What runs compare key by key: also keys that are left open have a value.
  @Test func `every key has its value`() {
    let (plain, unusual) = (Configuration().values, Self.unusual.values)
    #expect(plain.map(\.key) == ConfigurationKey.all.map(\.path))
    #expect(unusual.map(\.key) == plain.map(\.key))
    // Of optimizers there is only one.
    for ((key, value), other) in zip(plain, unusual) where key != "optimizer.kind" {
      #expect(value != other.value, "\(key)")
    }
    let values = Dictionary(uniqueKeysWithValues: plain.map { ($0.key, $0.value) })
    #expect(values["data.path"] == "null" && values["threads"] == "null")
    #expect(values["model.kind"] == "\"gan\"" && values["communication.shardedUpdate"] == "true")
  }

  /// Unicode's scalars but zero, which no path can hold, a few thousand in a path.
  @Test func `every character survives in a path`() throws {
    let scalars = (1...0x10ffff).lazy.compactMap { Unicode.Scalar(UInt32($0)) }
    var chosen = String.UnicodeScalarView()
    for scalar in scalars
    where scalar.value < 0x3000 || scalar.value % 251 == 0
      || scalar.value & 0xffff >= 0xfff0
    {
      chosen.append(scalar)
    }
    var run = Configuration()
    run.data.path = String(chosen)
    for text in [run.yaml, run.json] {
      let path = try Configuration.decode(text, source: "config.yaml").data.path
      #expect(path.map { Array($0.unicodeScalars) } == Array(chosen))
    }
  }
}
