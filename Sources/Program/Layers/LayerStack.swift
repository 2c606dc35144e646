/// Applies layers one after another and names them: numbered per kind within a network,
/// `generator/dense_0`.
package struct LayerStack {
  package private(set) var value: Tensor
  private let network: String
  private let conventions: LayerConventions
  private let mode: LayerMode
  private var counts: [String: Int] = [:]

  package init(
    _ input: Tensor, network: String, conventions: LayerConventions, mode: LayerMode
  ) {
    value = input
    self.network = network
    self.conventions = conventions
    self.mode = mode
  }

  private mutating func path(_ kind: String) -> String {
    defer { counts[kind, default: 0] += 1 }
    return "\(network)/\(kind)_\(counts[kind, default: 0])"
  }

  /// y = x · kernel [in, out] + bias [out]; leading axes of x are rows.
  package mutating func dense(_ outputs: Int) {
    let path = path("dense")
    let (x, builder) = (value, value.builder)
    let inputs = x.shape[x.shape.rank - 1]
    value = builder.inLayer(path: path) {
      let kernel = builder.variable(
        "\(path)/kernel", shape: [inputs, outputs], role: .parameter,
        initial: conventions.initialValues.denseKernel(inputs: inputs, outputs: outputs))
      let bias = builder.variable(
        "\(path)/bias", shape: [outputs], role: .parameter,
        initial: conventions.initialValues.bias(inputs: inputs))
      return x.product(kernel) + bias
    }
  }

  /// A convolution of images [.., height, width, channels] with a kernel [kernel, kernel, channels,
  /// filters], and a bias [filters].
  ///
  /// - Parameter padding: zeros on every side; nil is TensorFlow's "same".
  package mutating func convolution(
    _ filters: Int, kernel size: Int = 3, stride: Int = 1, padding: Int? = nil
  ) {
    let path = path("conv")
    let (x, builder) = (value, value.builder)
    let image = Array(x.shape.dimensions.suffix(3))
    let attributes: ConvolutionAttributes =
      padding.map { .padded($0, stride: stride) }
      ?? .same(image: Array(image.prefix(2)), kernel: [size, size], stride: stride)
    value = builder.inLayer(path: path) {
      let kernel = builder.variable(
        "\(path)/kernel", shape: [size, size, image[2], filters], role: .parameter,
        initial: conventions.initialValues.convolutionKernel(
          inputs: size * size * image[2], outputs: size * size * filters))
      let bias = builder.variable(
        "\(path)/bias", shape: [filters], role: .parameter,
        initial: conventions.initialValues.bias(inputs: size * size * image[2]))
      return x.convolution(kernel, attributes) + bias
    }
  }

  /// Keras' and PyTorch's UpSampling2D by `factor`: every pixel becomes `factor` × `factor` (nearest
  /// neighbour). What a TPU makes of it is a pass's business.
  package mutating func upsample(by factor: Int = 2) {
    let path = path("up_sampling")
    let x = value
    let image = Array(x.shape.dimensions.suffix(3))
    value = x.builder.inLayer(path: path) {
      x.resized(.nearest, height: image[0] * factor, width: image[1] * factor)
    }
  }

  /// Zeros below and right of images [.., height, width, channels].
  package mutating func padBottomRight(by count: Int) {
    let path = path("zero_padding")
    let x = value
    let none = x.shape.dimensions.map { _ in 0 }
    value = x.builder.inLayer(path: path) {
      x.padded(low: none, high: none.dropLast(3) + [count, count, 0])
    }
  }

  /// Dropout of [passes, examples, .., channels], with a stream a pass: `<layer>/generated`, ….
  package mutating func dropout(_ rate: Double) {
    let path = path("dropout")
    guard mode == .training else { return }
    let x = value
    let perChannel = conventions.dropsChannels
    value = x.builder.inLayer(path: path) {
      x.dropout(
        DropoutAttributes(
          rate: rate, streams: PassName.allCases.map { "\(path)/\($0.rawValue)" },
          perChannel: perChannel))
    }
  }

  package mutating func activation(_ activation: Activation) {
    let x = value
    value = x.builder.inLayer(path: network) { x.activated(activation) }
  }

  package mutating func reshape(_ shape: Shape) {
    let x = value
    value = x.builder.inLayer(path: network) { x.reshaped(shape) }
  }

  /// Batch norm over the last axis with the statistics of all axes from `firstAxis` on, one group
  /// of statistics for each entry of the axes before.
  ///
  /// - Parameter epsilon: another one than the conventions'.
  package mutating func batchNorm(firstAxis: Int = 0, epsilon: Double? = nil) {
    let path = path("batch_norm")
    let x = value
    var conventions = conventions.batchNorm
    conventions.epsilon = epsilon ?? conventions.epsilon
    let layer = BatchNormLayer(
      path: path, conventions: conventions, mode: mode,
      initialScale: self.conventions.initialValues.batchNormScale)
    value = x.builder.inLayer(path: path) { layer(x, firstAxis: firstAxis) }
  }
}

/// The discriminator's passes, in the order in which they are stacked.
package enum PassName: String, CaseIterable, Sendable { case generated, real, fake }

extension LayerConventions.InitialValues {
  func denseKernel(inputs: Int, outputs: Int) -> InitialValue {
    switch self {
    case .glorotUniform: .glorotUniform(inputs: inputs, outputs: outputs)
    case .inverseSquareRoot, .dcgan: .uniform(bound: 1 / Double(inputs).squareRoot())
    }
  }

  /// - Parameters:
  ///   - inputs: the numbers that an output depends on: kernel area times channels.
  ///   - outputs: the numbers that an input matters to: kernel area times filters.
  func convolutionKernel(inputs: Int, outputs: Int) -> InitialValue {
    switch self {
    case .glorotUniform: .glorotUniform(inputs: inputs, outputs: outputs)
    case .inverseSquareRoot: .uniform(bound: 1 / Double(inputs).squareRoot())
    case .dcgan: .normal(mean: 0, deviation: 0.02)
    }
  }

  func bias(inputs: Int) -> InitialValue {
    switch self {
    case .glorotUniform: .constant(0)
    case .inverseSquareRoot, .dcgan: .uniform(bound: 1 / Double(inputs).squareRoot())
    }
  }

  var batchNormScale: InitialValue {
    self == .dcgan ? .normal(mean: 1, deviation: 0.02) : .constant(1)
  }
}
