import Foundation
import RunConfiguration
import Testing

/// The files in `configs/`, against the experiments' table of objectives and optimizers.
struct PublishedConfigurationTests {
  static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "configs")

  static func configuration(_ name: String) throws -> Configuration {
    try .load(path: directory.appending(path: name).path())
  }

  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path())
      .filter { $0.hasSuffix(".yaml") }.sorted()
  }

  @Test func `every file loads and says in its first line what it is`() throws {
    let names = try Self.names()
    #expect(names.contains("gan.yaml"))
    for name in names {
      #expect(throws: Never.self, "\(name)") { try Self.configuration(name) }
      let text = try String(contentsOf: Self.directory.appending(path: name), encoding: .utf8)
      #expect(text.hasPrefix("# "), "\(name)")
    }
  }

  @Test func `the dense models share the paper's sizes and constants`() throws {
    for name in try Self.names() where name.hasPrefix("gan") {
      let run = try Self.configuration(name)
      #expect(run.model.kind == .gan)
      #expect(run.model.latentSize == 100)
      #expect(run.model.image.height == 28 && run.model.image.width == 28)
      #expect(run.model.image.channels == 1)
      #expect(run.batchSize == 64)
      #expect(run.steps == 20_000)
      #expect(run.data.kind == .mnist)
      #expect(run.optimizer.learningRate == 2e-4)
      #expect(run.optimizer.beta1 == 0.5 && run.optimizer.beta2 == 0.999)
      #expect(!run.objective.detachWeights)
      #expect(!run.objective.warmUp)
    }
  }

  @Test(arguments: [
    ("dcgan", 28, 1, "keras"), ("dcgan-published", 28, 1, "keras"),
    ("dcgan-bedroom", 64, 3, "keras"), ("dcgan-gpu", 32, 1, "pytorch"),
    ("dcgan-gpu-bedroom", 64, 3, "pytorch"), ("dcgan-classic", 32, 1, "pytorch"),
  ])
  func `the convolutional models have their published sizes`(
    name: String, side: Int, channels: Int, layout: String
  ) throws {
    let run = try Self.configuration("\(name).yaml")
    #expect(run.model.kind == .dcgan && run.model.layout.rawValue == layout)
    #expect(run.model.latentSize == 100 && run.batchSize == 64)
    #expect(run.model.image.height == side && run.model.image.width == side)
    #expect(run.model.image.channels == channels)
    #expect(run.replicas == (layout == "keras" ? 8 : 1))
    #expect(run.optimizer.epsilon == (layout == "keras" ? 1e-7 : 1e-8))
    #expect(run.optimizer.variant.rawValue == layout)
    // The Keras DCGAN cycles through its images in order; PyTorch's loaders shuffle, and resize
    // bilinearly.
    #expect(run.data.order == (layout == "keras" ? .sequential : .shuffled))
    #expect(run.data.resize == (layout == "keras" ? .lanczos : .bilinear))
    #expect(run.data.kind == (channels == 3 ? .lmdb : .mnist))
    #expect(run.tpu.runtime == .v113 && run.tpu.legalize)
  }

  @Test func `dcgan-published differs from dcgan in weights and loss`() throws {
    var expected = try Self.configuration("dcgan.yaml")
    expected.objective.weights = .validity
    expected.objective.loss = .publishedCrossEntropy
    #expect(try Self.configuration("dcgan-published.yaml") == expected)
  }

  @Test func `dcgan-classic differs from dcgan-gpu in the objective`() throws {
    var expected = try Self.configuration("dcgan-gpu.yaml")
    expected.objective.kind = .classic
    #expect(try Self.configuration("dcgan-classic.yaml") == expected)
  }

  @Test func `bedrooms are a fifth of LSUN's`() throws {
    for name in ["dcgan-bedroom", "dcgan-gpu-bedroom"] {
      #expect(try Self.configuration("\(name).yaml").data.fraction == 0.2)
    }
  }

  @Test func `gan is the paper's Keras run, which the defaults are`() throws {
    #expect(try Self.configuration("gan.yaml") == Configuration())
    let run = Configuration()
    #expect(run.model.layout == .keras)
    #expect(run.objective.kind == .selfTPU && run.objective.weights == .loss)
    #expect(run.objective.loss == .binaryCrossEntropy)
    #expect(run.batchNorm.scope == .replica && run.batchNorm.movingStatistics == .first)
    #expect(run.optimizer.variant == .keras && run.optimizer.epsilon == 1e-7)
    #expect(run.data.order == .replacement)
    #expect(run.gradients == .mean && run.replicas == 8)
    #expect(run.kernels.matmul == nil && run.threads == nil)
  }

  @Test func `gan-published differs from gan in weights and loss`() throws {
    var expected = try Self.configuration("gan.yaml")
    expected.objective.weights = .validity
    expected.objective.loss = .publishedCrossEntropy
    #expect(try Self.configuration("gan-published.yaml") == expected)
  }

  @Test func `the PyTorch runs shuffle and use PyTorch's Adam`() throws {
    for name in ["gan-gpu.yaml", "gan-gpu-shards.yaml", "gan-classic.yaml"] {
      let run = try Self.configuration(name)
      #expect(run.model.layout == .pytorch)
      #expect(run.optimizer.variant == .pytorch && run.optimizer.epsilon == 1e-8)
      #expect(run.data.order == .shuffled)
      #expect(run.objective.loss == .binaryCrossEntropy)
    }
  }

  @Test func `gan-gpu is selfGPU on one replica`() throws {
    let run = try Self.configuration("gan-gpu.yaml")
    #expect(run.objective.kind == .selfGPU && run.objective.weights == .loss)
    #expect(run.replicas == 1)
  }

  @Test func `gan-gpu-shards sums eight gradients and shares its moving statistics`() throws {
    let run = try Self.configuration("gan-gpu-shards.yaml")
    #expect(run.objective.kind == .selfTPU && run.objective.weights == .validity)
    #expect(run.gradients == .sum && run.replicas == 8)
    #expect(run.batchNorm.movingStatistics == .sequential)
  }

  @Test func `gan-classic is classic on one replica`() throws {
    let run = try Self.configuration("gan-classic.yaml")
    #expect(run.objective.kind == .classic && run.replicas == 1)
  }
}
