/// The paper's `dcgan`: convolutional networks in the layout of the Keras (TPU) or the PyTorch (GPU)
/// notebooks. Height and width are multiples of 4, at least 8; the PyTorch discriminator halves four times.
package struct DeepConvolutional: AdversarialNetworks {
  package let latentSize: Int
  package let imageShape: Shape
  private let layout: NetworkLayout
  private let conventions: LayerConventions

  package init(
    layout: NetworkLayout, latentSize: Int, imageShape: Shape,
    batchNorm: BatchNormConventions.Replicas
  ) {
    self.layout = layout
    self.latentSize = latentSize
    self.imageShape = imageShape
    conventions = layout.conventions(batchNorm, pytorch: .dcgan)
  }

  private static let leakyReLU = Activation.leakyReLU(slope: 0.2)

  package func generator(_ noise: Tensor, mode: LayerMode) -> Tensor {
    let (height, width) = (imageShape[0] / 4, imageShape[1] / 4)
    var layers = LayerStack(noise, network: "generator", conventions: conventions, mode: mode)
    layers.dense(128 * height * width)
    if layout == .keras { layers.activation(.relu) }
    layers.reshape([noise.shape[0], height, width, 128])
    if layout == .pytorch { layers.batchNorm(epsilon: 1e-5) }
    for filters in [128, 64] {
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
    switch layout {
    case .keras: kerasBlocks(&layers)
    case .pytorch: pytorchBlocks(&layers)
    }
    let rows = Array(images.shape.dimensions.prefix(2))
    layers.reshape(Shape(rows + [layers.value.shape.count / (rows[0] * rows[1])]))
    layers.dense(1)
    layers.activation(.sigmoid)
    layers.reshape(Shape(rows))
    return layers.value
  }

  private func kerasBlocks(_ layers: inout LayerStack) {
    for (index, filters) in [32, 64, 128, 256].enumerated() {
      layers.convolution(filters, stride: index == 3 ? 1 : 2)
      if index == 1 { layers.padBottomRight(by: 1) }
      if index > 0 { layers.batchNorm(firstAxis: 1) }
      layers.activation(Self.leakyReLU)
      layers.dropout(0.25)
    }
  }

  private func pytorchBlocks(_ layers: inout LayerStack) {
    for (index, filters) in [16, 32, 64, 128].enumerated() {
      layers.convolution(filters, stride: 2, padding: 1)
      layers.activation(Self.leakyReLU)
      layers.dropout(0.25)
      if index > 0 { layers.batchNorm(firstAxis: 1) }
    }
  }
}
