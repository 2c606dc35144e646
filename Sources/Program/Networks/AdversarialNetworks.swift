/// Whose layers, initial values and batch-norm constants.
package enum NetworkLayout: Sendable {
  case keras, pytorch

  /// - Parameter pytorch: the initial values in the PyTorch layout.
  func conventions(
    _ batchNorm: BatchNormConventions.Replicas,
    pytorch initialValues: LayerConventions.InitialValues
  ) -> LayerConventions {
    switch self {
    case .keras: .keras(batchNorm)
    case .pytorch: .pytorch(batchNorm, initialValues: initialValues)
    }
  }
}

/// A generator and a discriminator that share a program's builder.
package protocol AdversarialNetworks: Sendable {
  /// How many normal numbers an image is made of.
  var latentSize: Int { get }
  /// [height, width, channels]
  var imageShape: Shape { get }

  /// noise [examples, latent] → images [examples, height, width, channels] in (−1, 1).
  func generator(_ noise: Tensor, mode: LayerMode) -> Tensor

  /// images [passes, examples, height, width, channels] → validity [passes, examples] in (0, 1):
  /// the probability that an image is real. Every pass has batch statistics of its own.
  func discriminator(_ images: Tensor, mode: LayerMode) -> Tensor
}
