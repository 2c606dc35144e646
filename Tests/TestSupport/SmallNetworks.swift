import Program

/// A generator and a discriminator of every layer that the MLP has, small enough to be trained in no time.
package struct SmallNetworks: AdversarialNetworks {
  package let latentSize = 10
  package let imageShape: Shape = [6, 5, 1]
  private let conventions: LayerConventions

  package init(_ conventions: LayerConventions) { self.conventions = conventions }

  package func generator(_ noise: Tensor, mode: LayerMode) -> Tensor {
    var layers = LayerStack(noise, network: "generator", conventions: conventions, mode: mode)
    layers.dense(33)
    layers.activation(.leakyReLU(slope: 0.2))
    layers.batchNorm()
    layers.dense(imageShape.count)
    layers.activation(.tanh)
    layers.reshape(Shape([noise.shape[0]] + imageShape.dimensions))
    return layers.value
  }

  package func discriminator(_ images: Tensor, mode: LayerMode) -> Tensor {
    let rows = Array(images.shape.dimensions.prefix(2))
    var layers = LayerStack(images, network: "discriminator", conventions: conventions, mode: mode)
    layers.reshape(Shape(rows + [imageShape.count]))
    layers.dense(40)
    layers.activation(.leakyReLU(slope: 0.2))
    layers.dense(1)
    layers.activation(.sigmoid)
    layers.reshape(Shape(rows))
    return layers.value
  }
}
