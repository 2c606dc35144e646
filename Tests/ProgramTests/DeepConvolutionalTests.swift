import Program
import Testing

/// The published convolutional networks, counted by hand.
struct DeepConvolutionalTests {
  private func program(
    _ layout: NetworkLayout, _ image: Shape, replicas: Int = 8, mode: LayerMode = .training
  ) throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: "dcgan")
    let networks = DeepConvolutional(
      layout: layout, latentSize: 100, imageShape: image, batchNorm: .init(count: replicas))
    let noise = builder.random(.normal, shape: [8, 100], stream: "noise")
    builder.output("generated", networks.generator(noise, mode: mode))
    let images = builder.input("images", shape: Shape([3, 8] + image.dimensions))
    builder.output("validity", networks.discriminator(images, mode: mode))
    return try builder.finish()
  }

  private func parameterCounts(_ program: ReplicaProgram, _ network: String) -> [Int] {
    var counts: [(layer: String, count: Int)] = []
    for variable in program.variables
    where variable.role == .parameter && variable.name.hasPrefix(network + "/") {
      let layer = variable.name.split(separator: "/").dropLast().joined(separator: "/")
      if counts.last?.layer != layer { counts.append((layer, 0)) }
      counts[counts.count - 1].count += variable.type.shape.count
    }
    return counts.map(\.count)
  }

  /// What a network of one layout for one size of images is made of.
  struct Expected: Sendable, CustomTestStringConvertible {
    let layout: NetworkLayout
    let image: Shape
    /// The parameters of each layer: kernel height · width · channels · filters + filters, inputs ·
    /// outputs + outputs, and γ and β.
    let generator: [Int]
    let discriminator: [Int]
    /// [height, width, filters] of what each convolution makes.
    let generated: [[Int]]
    let discriminated: [[Int]]
    /// Zeros before and after, and the stride, of each of the discriminator's convolutions.
    let windows: [[Int]]

    var testDescription: String { "\(layout), \(image)" }
  }

  static let keras28 = Expected(
    layout: .keras, image: [28, 28, 1],
    generator: [100 * 6272 + 6272, 9 * 128 * 128 + 128, 256, 9 * 128 * 64 + 64, 128, 9 * 64 + 1],
    discriminator: [
      9 * 32 + 32, 9 * 32 * 64 + 64, 128, 9 * 64 * 128 + 128, 256, 9 * 128 * 256 + 256, 512,
      4 * 4 * 256 + 1,
    ],
    generated: [[14, 14, 128], [28, 28, 64], [28, 28, 1]],
    discriminated: [[14, 14, 32], [7, 7, 64], [4, 4, 128], [4, 4, 256]],
    windows: [[0, 1, 2], [0, 1, 2], [0, 1, 2], [1, 1, 1]])

  /// 64 → 32 pads (0, 1), and, after a line of zeros below and to the right, 17 → 9 pads (1, 1).
  static let keras64 = Expected(
    layout: .keras, image: [64, 64, 3],
    generator: [100 * 32768 + 32768, 147_584, 256, 73_792, 128, 9 * 64 * 3 + 3],
    discriminator: [9 * 3 * 32 + 32, 18_496, 128, 73_856, 256, 295_168, 512, 9 * 9 * 256 + 1],
    generated: [[32, 32, 128], [64, 64, 64], [64, 64, 3]],
    discriminated: [[32, 32, 32], [16, 16, 64], [9, 9, 128], [9, 9, 256]],
    windows: [[0, 1, 2], [0, 1, 2], [1, 1, 2], [1, 1, 1]])

  static let pytorch32 = Expected(
    layout: .pytorch, image: [32, 32, 1],
    generator: [100 * 8192 + 8192, 256, 147_584, 256, 73_792, 128, 577],
    discriminator: [
      9 * 16 + 16, 9 * 16 * 32 + 32, 64, 9 * 32 * 64 + 64, 128, 9 * 64 * 128 + 128, 256,
      2 * 2 * 128 + 1,
    ],
    generated: [[16, 16, 128], [32, 32, 64], [32, 32, 1]],
    discriminated: [[16, 16, 16], [8, 8, 32], [4, 4, 64], [2, 2, 128]],
    windows: [[1, 1, 2], [1, 1, 2], [1, 1, 2], [1, 1, 2]])

  static let pytorch64 = Expected(
    layout: .pytorch, image: [64, 64, 3],
    generator: [100 * 32768 + 32768, 256, 147_584, 256, 73_792, 128, 9 * 64 * 3 + 3],
    discriminator: [9 * 3 * 16 + 16, 4_640, 64, 18_496, 128, 73_856, 256, 4 * 4 * 128 + 1],
    generated: [[32, 32, 128], [64, 64, 64], [64, 64, 3]],
    discriminated: [[32, 32, 16], [16, 16, 32], [8, 8, 64], [4, 4, 128]],
    windows: [[1, 1, 2], [1, 1, 2], [1, 1, 2], [1, 1, 2]])

  static let networks = [keras28, keras64, pytorch32, pytorch64]

  @Test(arguments: networks)
  func parametersOfEachLayer(_ expected: Expected) throws {
    let program = try program(expected.layout, expected.image)
    #expect(parameterCounts(program, "generator") == expected.generator)
    #expect(parameterCounts(program, "discriminator") == expected.discriminator)
  }

  /// As Keras prints them.
  @Test func totalsOfTheKerasNetworks() throws {
    let program = try program(.keras, [28, 28, 1])
    #expect(parameterCounts(program, "generator").reduce(0, +) == 855_809)
    #expect(parameterCounts(program, "discriminator").reduce(0, +) == 392_833)
  }

  private func convolutions(
    _ program: ReplicaProgram, _ network: String
  ) -> [(attributes: ConvolutionAttributes, image: [Int], result: [Int])] {
    program.instructions.compactMap { instruction in
      guard case .convolution(let attributes) = instruction.operation,
        instruction.layer.hasPrefix(network)
      else { return nil }
      return (
        attributes, Array(program.shape(of: instruction.operands[0]).dimensions.suffix(3)),
        Array(program.shape(of: instruction.results[0]).dimensions.suffix(3))
      )
    }
  }

  @Test(arguments: networks)
  func imagesOfTheGenerator(_ expected: Expected) throws {
    let program = try program(expected.layout, expected.image)
    let layers = convolutions(program, "generator")
    #expect(layers.map(\.result) == expected.generated)
    #expect(layers.allSatisfy { $0.attributes == .padded(1, stride: 1) })
    let generated = try #require(program.output(named: "generated"))
    let images = Shape([8] + expected.image.dimensions)
    #expect(program.type(of: generated) == TensorType(images, .perReplica))
  }

  /// TensorFlow's "same" has its odd zero behind the image.
  @Test(arguments: networks)
  func imagesOfTheDiscriminator(_ expected: Expected) throws {
    let program = try program(expected.layout, expected.image)
    let layers = convolutions(program, "discriminator")
    #expect(layers.map(\.result) == expected.discriminated)
    for (layer, window) in zip(layers, expected.windows) {
      #expect(layer.attributes.low == [window[0], window[0]])
      #expect(layer.attributes.high == [window[1], window[1]])
      #expect(layer.attributes.strides == [window[2], window[2]])
    }
    let validity = try #require(program.output(named: "validity"))
    #expect(program.type(of: validity) == TensorType([3, 8], .perReplica))
  }

  /// From TensorFlow's documentation of "SAME": ⌈n/s⌉ windows, the smaller half of the zeros before.
  @Test(arguments: [
    (64, 3, 2, 0, 1), (17, 3, 2, 1, 1), (28, 3, 1, 1, 1), (7, 3, 2, 1, 1), (8, 3, 2, 0, 1),
    (5, 1, 2, 0, 0), (10, 4, 3, 1, 2), (10, 5, 1, 2, 2), (2, 3, 4, 0, 1), (9, 2, 1, 0, 1),
  ])
  func samePadding(_ image: Int, _ kernel: Int, _ stride: Int, _ low: Int, _ high: Int) {
    #expect(
      ConvolutionAttributes.same(image: [image, 6], kernel: [kernel, 1], stride: stride)
        == ConvolutionAttributes(strides: [stride, stride], low: [low, 0], high: [high, 0]))
  }

  private func dropouts(_ program: ReplicaProgram) -> [DropoutAttributes] {
    program.instructions.compactMap {
      if case .dropout(let dropout) = $0.operation { dropout } else { nil }
    }
  }

  @Test(arguments: networks)
  func dropoutStreams(_ network: Expected) throws {
    let (layout, image) = (network.layout, network.image)
    let expected = (0..<4).map { index in
      DropoutAttributes(
        rate: 0.25,
        streams: ["generated", "real", "fake"].map { "discriminator/dropout_\(index)/\($0)" },
        perChannel: layout == .pytorch)
    }
    #expect(dropouts(try program(layout, image)) == expected)
    for mode in [LayerMode.batch, .moving] {
      #expect(dropouts(try program(layout, image, mode: mode)).isEmpty)
    }
  }

  /// In which order a network's layers come.
  private func kinds(_ program: ReplicaProgram, _ network: String) -> [String] {
    let kinds: [String: String] = [
      "product_plain": "dense", "convolution": "conv", "resize_nearest": "up",
      "batch_norm": "norm", "leaky_relu": "act", "tanh": "tanh", "sigmoid": "sigmoid",
      "dropout": "drop", "pad": "pad",
    ]
    return program.instructions.filter { $0.layer.hasPrefix(network) }
      .compactMap { kinds[$0.operation.mnemonic] }
  }

  @Test func layersOfTheKerasNetworks() throws {
    let program = try program(.keras, [28, 28, 1])
    #expect(
      kinds(program, "generator") == [
        "dense", "act", "up", "conv", "norm", "act", "up", "conv", "norm", "act", "conv", "tanh",
      ])
    #expect(
      kinds(program, "discriminator") == [
        "conv", "act", "drop", "conv", "pad", "norm", "act", "drop", "conv", "norm", "act", "drop",
        "conv", "norm", "act", "drop", "dense", "sigmoid",
      ])
  }

  @Test func layersOfThePyTorchNetworks() throws {
    let program = try program(.pytorch, [32, 32, 1])
    #expect(
      kinds(program, "generator") == [
        "dense", "norm", "up", "conv", "norm", "act", "up", "conv", "norm", "act", "conv", "tanh",
      ])
    #expect(
      kinds(program, "discriminator") == [
        "conv", "act", "drop", "conv", "act", "drop", "norm", "conv", "act", "drop", "norm", "conv",
        "act", "drop", "norm", "dense", "sigmoid",
      ])
  }

  /// ReLU in Keras' generator, LeakyReLU everywhere else.
  @Test(arguments: [
    (NetworkLayout.keras, "generator", 0.0), (.keras, "discriminator", 0.2),
    (.pytorch, "generator", 0.2), (.pytorch, "discriminator", 0.2),
  ])
  func slopes(_ layout: NetworkLayout, _ network: String, _ expected: Double) throws {
    let slopes = try program(layout, [32, 32, 1]).instructions.compactMap {
      instruction -> Double? in
      guard instruction.layer.hasPrefix(network),
        case .elementwise(.leakyReLU(let slope)) = instruction.operation
      else { return nil }
      return slope
    }
    #expect(!slopes.isEmpty && slopes.allSatisfy { $0 == expected })
  }

  @Test(arguments: [
    (NetworkLayout.keras, [1e-3, 1e-3, 1e-3, 1e-3, 1e-3]),
    (.pytorch, [1e-5, 0.8, 0.8, 0.8, 0.8, 0.8]),
  ])
  func batchNormEpsilon(_ layout: NetworkLayout, _ expected: [Double]) throws {
    let epsilons = try program(layout, [32, 32, 1]).instructions.compactMap {
      instruction -> Double? in
      if case .batchNorm(let norm) = instruction.operation { norm.epsilon } else { nil }
    }
    #expect(epsilons == expected)
  }

  /// Keras: Glorot-uniform over the kernel's area times channels and filters. PyTorch's DCGAN:
  /// N(0, 0.02), γ from N(1, 0.02), and biases as its other layers'.
  @Test func initialValues() throws {
    let keras = try program(.keras, [28, 28, 1])
    func initial(_ program: ReplicaProgram, _ name: String) -> InitialValue? {
      program.variable(named: name)?.initial
    }
    // √(6/(9·128 + 9·128)) and √(6/(9·1 + 9·32))
    let bounds = [(6.0 / 2304).squareRoot(), (6.0 / 297).squareRoot()]
    #expect(initial(keras, "generator/conv_0/kernel") == .uniform(bound: bounds[0]))
    #expect(initial(keras, "discriminator/conv_0/kernel") == .uniform(bound: bounds[1]))
    #expect(initial(keras, "discriminator/conv_0/bias") == .constant(0))
    #expect(initial(keras, "generator/batch_norm_0/gamma") == .constant(1))
    let pytorch = try program(.pytorch, [32, 32, 1])
    #expect(
      initial(pytorch, "discriminator/conv_1/kernel") == .normal(mean: 0, deviation: 0.02))
    #expect(initial(pytorch, "discriminator/conv_1/bias") == .uniform(bound: 1.0 / 12))
    #expect(
      initial(pytorch, "generator/batch_norm_0/gamma") == .normal(mean: 1, deviation: 0.02))
    #expect(initial(pytorch, "generator/batch_norm_0/beta") == .constant(0))
    #expect(initial(pytorch, "generator/dense_0/kernel") == .uniform(bound: 0.1))
  }
}
