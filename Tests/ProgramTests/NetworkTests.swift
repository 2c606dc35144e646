import Program
import Testing

/// The published networks, counted by hand.
struct NetworkTests {
  private func program(
    _ layout: NetworkLayout,
    _ movingStatistics: BatchNormConventions.MovingStatistics = .perReplica, replicas: Int = 8,
    mode: LayerMode = .training, imageShape: Shape = [28, 28, 1]
  ) throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: "gan")
    let networks = MultilayerPerceptron(
      layout: layout, latentSize: 100, imageShape: imageShape,
      batchNorm: .init(count: replicas, movingStatistics: movingStatistics))
    let noise = builder.random(.normal, shape: [8, 100], stream: "noise")
    let generated = networks.generator(noise, mode: mode)
    let images = builder.input("images", shape: Shape([3, 8] + imageShape.dimensions))
    builder.output("generated", generated)
    builder.output("validity", networks.discriminator(images, mode: mode))
    return try builder.finish()
  }

  private func parameterCount(_ program: ReplicaProgram, _ network: String, _ role: Variable.Role)
    -> Int
  {
    program.variables.filter { $0.name.hasPrefix(network) && $0.role == role }
      .reduce(0) { $0 + $1.type.shape.count }
  }

  @Test(arguments: [
    // 100·256 + 256 + 256·512 + 512 + 512·1024 + 1024 + 1024·784 + 784, and 2·(256 + 512 + 1024).
    (NetworkLayout.keras, 1_486_352 + 3_584),
    // 100·128 + 128 + 128·256 + 256 + … , and the same batch norms.
    (.pytorch, 1_506_448 + 3_584),
  ])
  func parameterCounts(_ layout: NetworkLayout, _ generator: Int) throws {
    let program = try program(layout)
    #expect(parameterCount(program, "generator/", .parameter) == generator)
    #expect(parameterCount(program, "generator/", .state) == 3_584)
    // 784·512 + 512 + 512·256 + 256 + 256 + 1
    #expect(parameterCount(program, "discriminator/", .parameter) == 533_505)
    #expect(parameterCount(program, "discriminator/", .state) == 0)
  }

  private func declarations(_ program: ReplicaProgram) -> [String] {
    program.variables.map { "\($0.name) \($0.type)" }
  }

  @Test func kerasVariables() throws {
    #expect(
      declarations(try program(.keras)) == [
        "generator/dense_0/kernel [100, 256]", "generator/dense_0/bias [256]",
        "generator/batch_norm_0/gamma [256]", "generator/batch_norm_0/beta [256]",
        "generator/batch_norm_0/moving_mean each [256]",
        "generator/batch_norm_0/moving_variance each [256]",
        "generator/dense_1/kernel [256, 512]", "generator/dense_1/bias [512]",
        "generator/batch_norm_1/gamma [512]", "generator/batch_norm_1/beta [512]",
        "generator/batch_norm_1/moving_mean each [512]",
        "generator/batch_norm_1/moving_variance each [512]",
        "generator/dense_2/kernel [512, 1024]", "generator/dense_2/bias [1024]",
        "generator/batch_norm_2/gamma [1024]", "generator/batch_norm_2/beta [1024]",
        "generator/batch_norm_2/moving_mean each [1024]",
        "generator/batch_norm_2/moving_variance each [1024]",
        "generator/dense_3/kernel [1024, 784]", "generator/dense_3/bias [784]",
        "discriminator/dense_0/kernel [784, 512]", "discriminator/dense_0/bias [512]",
        "discriminator/dense_1/kernel [512, 256]", "discriminator/dense_1/bias [256]",
        "discriminator/dense_2/kernel [256, 1]", "discriminator/dense_2/bias [1]",
      ])
  }

  @Test func pytorchVariables() throws {
    let program = try program(.pytorch, .sequential, replicas: 1, imageShape: [32, 32, 3])
    let kernels = declarations(program).filter {
      $0.contains("kernel") || $0.contains("moving_mean")
    }
    #expect(
      kernels == [
        "generator/dense_0/kernel [100, 128]", "generator/dense_1/kernel [128, 256]",
        "generator/batch_norm_0/moving_mean [256]", "generator/dense_2/kernel [256, 512]",
        "generator/batch_norm_1/moving_mean [512]", "generator/dense_3/kernel [512, 1024]",
        "generator/batch_norm_2/moving_mean [1024]", "generator/dense_4/kernel [1024, 3072]",
        "discriminator/dense_0/kernel [3072, 512]", "discriminator/dense_1/kernel [512, 256]",
        "discriminator/dense_2/kernel [256, 1]",
      ])
  }

  @Test(arguments: [NetworkLayout.keras, .pytorch], [[28, 28, 1], [64, 48, 3]])
  func resultShapes(_ layout: NetworkLayout, _ image: [Int]) throws {
    let program = try program(layout, imageShape: Shape(image))
    let generated = try #require(program.output(named: "generated"))
    let validity = try #require(program.output(named: "validity"))
    #expect(program.type(of: generated) == TensorType(Shape([8] + image), .perReplica))
    #expect(program.type(of: validity) == TensorType([3, 8], .perReplica))
  }

  /// The order of the generator's layers in the two layouts: Keras normalises what LeakyReLU lets
  /// through, PyTorch what it is given.
  @Test(arguments: [
    (
      NetworkLayout.keras,
      [
        "product_plain", "leaky_relu", "batch_norm", "product_plain", "leaky_relu", "batch_norm",
        "product_plain", "leaky_relu", "batch_norm", "product_plain", "tanh", "reshape",
      ]
    ),
    (
      .pytorch,
      [
        "product_plain", "leaky_relu", "product_plain", "batch_norm", "leaky_relu", "product_plain",
        "batch_norm", "leaky_relu", "product_plain", "batch_norm", "leaky_relu", "product_plain",
        "tanh", "reshape",
      ]
    ),
  ])
  func generatorLayers(_ layout: NetworkLayout, _ expected: [String]) throws {
    let layers: Set = [
      "product_plain", "leaky_relu", "batch_norm", "tanh", "sigmoid", "reshape",
    ]
    let instructions = try program(layout, mode: .batch).instructions
    #expect(
      instructions.filter { $0.layer.hasPrefix("generator") }.map(\.operation.mnemonic)
        .filter(layers.contains) == expected)
    #expect(
      instructions.filter { $0.layer.hasPrefix("discriminator") }.map(\.operation.mnemonic)
        .filter(layers.contains) == [
          "reshape", "product_plain", "leaky_relu", "product_plain", "leaky_relu", "product_plain",
          "sigmoid", "reshape",
        ])
  }

  @Test func layersAreNumberedPerKind() throws {
    let layers = try program(.keras).instructions.map(\.layer)
    var inOrder: [String] = []
    for layer in layers where layer.contains("_") && inOrder.last != layer { inOrder.append(layer) }
    #expect(
      inOrder == [
        "generator/dense_0", "generator/batch_norm_0", "generator/dense_1",
        "generator/batch_norm_1", "generator/dense_2", "generator/batch_norm_2",
        "generator/dense_3", "discriminator/dense_0", "discriminator/dense_1",
        "discriminator/dense_2",
      ])
  }

  private func initialValue(_ program: ReplicaProgram, _ name: String) -> InitialValue? {
    program.variable(named: name)?.initial
  }

  @Test func initialValues() throws {
    let keras = try program(.keras)
    #expect(
      initialValue(keras, "generator/dense_0/kernel") == .uniform(bound: (6.0 / 356).squareRoot()))
    #expect(initialValue(keras, "generator/dense_0/bias") == .constant(0))
    let pytorch = try program(.pytorch)
    #expect(initialValue(pytorch, "generator/dense_0/kernel") == .uniform(bound: 0.1))
    #expect(initialValue(pytorch, "generator/dense_0/bias") == .uniform(bound: 0.1))
    for program in [keras, pytorch] {
      let norm = "generator/batch_norm_1"
      #expect(initialValue(program, "\(norm)/gamma") == .constant(1))
      #expect(initialValue(program, "\(norm)/beta") == .constant(0))
      #expect(initialValue(program, "\(norm)/moving_mean") == .constant(0))
      #expect(initialValue(program, "\(norm)/moving_variance") == .constant(1))
    }
  }

  @Test(arguments: [
    (NetworkLayout.keras, 1e-3), (.pytorch, 0.8),
  ])
  func batchNormEpsilon(_ layout: NetworkLayout, _ expected: Double) throws {
    let epsilons = try program(layout).instructions.compactMap { instruction -> Double? in
      if case .batchNorm(let attributes) = instruction.operation {
        attributes.epsilon
      } else {
        nil
      }
    }
    #expect(epsilons == [expected, expected, expected])
  }

  /// Only training moves the statistics; only what is shown outside of it reads them alone.
  @Test func normalizationModes() throws {
    func assigned(_ program: ReplicaProgram) -> [String] {
      program.updates.compactMap { update in
        if case .assign(let name, _) = update { name } else { nil }
      }
    }
    let training = try program(.keras, mode: .training)
    #expect(
      assigned(training)
        == (0..<3).flatMap { norm in
          ["moving_mean", "moving_variance"].map { "generator/batch_norm_\(norm)/\($0)" }
        })
    #expect(try assigned(program(.keras, mode: .batch)).isEmpty)
    let moving = try program(.keras, mode: .moving)
    #expect(assigned(moving).isEmpty)
    #expect(!moving.instructions.contains { $0.operation.mnemonic == "batch_norm" })
  }
}
