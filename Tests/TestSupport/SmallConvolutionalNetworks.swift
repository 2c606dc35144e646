import Program

/// A generator and a discriminator of every layer that `DeepConvolutional` has, in the order of one of its layouts, for images of
/// 8×8 pixels.
package struct SmallConvolutionalNetworks: AdversarialNetworks {
  package let latentSize = 6
  package let imageShape: Shape
  private let layout: NetworkLayout
  private let conventions: LayerConventions

  /// - Parameter channels: of an image.
  package init(
    _ layout: NetworkLayout, _ batchNorm: BatchNormConventions.Replicas, channels: Int = 1
  ) {
    imageShape = [8, 8, channels]
    self.layout = layout
    conventions =
      switch layout {
      case .keras: .keras(batchNorm)
      case .pytorch: .pytorch(batchNorm)
      }
  }

  private static let leakyReLU = Activation.leakyReLU(slope: 0.2)

  package func generator(_ noise: Tensor, mode: LayerMode) -> Tensor {
    var layers = LayerStack(noise, network: "generator", conventions: conventions, mode: mode)
    layers.dense(2 * 2 * 8)
    if layout == .keras { layers.activation(.relu) }
    layers.reshape([noise.shape[0], 2, 2, 8])
    if layout == .pytorch { layers.batchNorm(epsilon: 1e-5) }
    for filters in [8, 16] {
      layers.upsample()
      layers.convolution(filters)
      layers.batchNorm()
      layers.activation(layout == .keras ? .relu : Self.leakyReLU)
    }
    layers.convolution(imageShape[2])
    layers.activation(.tanh)
    return layers.value
  }

  package func discriminator(_ images: Tensor, mode: LayerMode) -> Tensor {
    var layers = LayerStack(images, network: "discriminator", conventions: conventions, mode: mode)
    layers.convolution(16, stride: 2, padding: layout == .keras ? nil : 1)
    layers.activation(Self.leakyReLU)
    layers.dropout(0.25)
    layers.convolution(8, stride: 2, padding: layout == .keras ? nil : 1)
    if layout == .keras {
      layers.padBottomRight(by: 1)
      layers.batchNorm(firstAxis: 1)
    }
    layers.activation(Self.leakyReLU)
    layers.dropout(0.25)
    if layout == .pytorch { layers.batchNorm(firstAxis: 1) }
    let rows = Array(images.shape.dimensions.prefix(2))
    layers.reshape(Shape(rows + [layers.value.shape.count / (rows[0] * rows[1])]))
    layers.dense(1)
    layers.activation(.sigmoid)
    layers.reshape(Shape(rows))
    return layers.value
  }
}
