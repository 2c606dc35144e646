/// The paper's `gan`: fully connected networks in the layout of the Keras (TPU) or the PyTorch
/// (GPU) notebooks.
package struct MultilayerPerceptron: AdversarialNetworks {
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
    conventions = layout.conventions(batchNorm, pytorch: .inverseSquareRoot)
  }

  private static let leakyReLU = Activation.leakyReLU(slope: 0.2)

  package func generator(_ noise: Tensor, mode: LayerMode) -> Tensor {
    var layers = LayerStack(noise, network: "generator", conventions: conventions, mode: mode)
    switch layout {
    case .keras:
      for width in [256, 512, 1024] {
        layers.dense(width)
        layers.activation(Self.leakyReLU)
        layers.batchNorm()
      }
    case .pytorch:
      layers.dense(128)
      layers.activation(Self.leakyReLU)
      for width in [256, 512, 1024] {
        layers.dense(width)
        layers.batchNorm()
        layers.activation(Self.leakyReLU)
      }
    }
    layers.dense(imageShape.count)
    layers.activation(.tanh)
    layers.reshape(Shape([noise.shape[0]] + imageShape.dimensions))
    return layers.value
  }

  package func discriminator(_ images: Tensor, mode: LayerMode) -> Tensor {
    let rows = Array(images.shape.dimensions.prefix(2))
    var layers = LayerStack(images, network: "discriminator", conventions: conventions, mode: mode)
    layers.reshape(Shape(rows + [imageShape.count]))
    for width in [512, 256] {
      layers.dense(width)
      layers.activation(Self.leakyReLU)
    }
    layers.dense(1)
    layers.activation(.sigmoid)
    layers.reshape(Shape(rows))
    return layers.value
  }
}
