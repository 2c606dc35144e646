import Program

/// What the discriminator says of the three sets of images of a step: tensors of shape [examples].
package struct Passes {
  /// D(G(z)), through which the generator learns, and against which the discriminator works: it
  /// "punches itself".
  package let generated: Tensor
  package let real: Tensor
  /// D of the images of the previous step.
  package let fake: Tensor

  package init(generated: Tensor, real: Tensor, fake: Tensor) {
    self.generated = generated
    self.real = real
    self.fake = fake
  }

  func map(_ transform: (Tensor) -> Tensor) -> Passes {
    Passes(generated: transform(generated), real: transform(real), fake: transform(fake))
  }
}

/// What an objective makes of a replica's three validities; every member is a scalar of the
/// replica.
package struct ObjectiveValues {
  /// The mean over the replica's examples of what is minimised.
  package let total: Tensor
  /// The mean losses, unweighted.
  package let losses: Passes
  /// The normalised shares of the three losses; nil where there are none (classic).
  package let shares: Passes?
  /// The mean validities.
  package let validities: Passes
}

/// How a replica weighs its three losses against each other.
package enum DynamicWeights: Hashable, Sendable {
  /// The mean losses themselves (the paper): the worse a loss, the more it counts.
  case loss
  /// How far the mean validities are from where they should be (the published notebooks):
  /// 1 − p̄ for generated and real images, p̄ for the fake ones.
  case validity
  /// 1 each.
  case equal
}

/// The SelfGAN objectives: one scalar for the generator and the discriminator together.
package struct SelfObjective: Sendable {
  package enum Kind: Hashable, Sendable {
    /// Keras on a TPU: mean((v_r·l_real + v_g·l_gen + v_f·l_fake) / (v_g + v_r + v_f)).
    case tpu
    /// PyTorch on a GPU: mean((l_real + 0.1·v_g·l_gen + 0.9·v_f·l_fake) / 2).
    case gpu
  }

  package let kind: Kind
  package let weights: DynamicWeights
  /// Whether the weights are constants to the gradient; in the published code they are not.
  package let detachesWeights: Bool
  package let loss: AdversarialLoss

  package init(
    kind: Kind, weights: DynamicWeights, detachesWeights: Bool, loss: AdversarialLoss
  ) {
    self.kind = kind
    self.weights = weights
    self.detachesWeights = detachesWeights
    self.loss = loss
  }

  /// The objective of one replica, from validities of shape [examples].
  package func callAsFunction(_ validity: Passes) -> ObjectiveValues {
    let losses = Passes(
      generated: loss(validity.generated, isReal: true),
      real: loss(validity.real, isReal: true),
      fake: loss(validity.fake, isReal: false))
    let meanLosses = losses.map { $0.mean() }
    let meanValidities = validity.map { $0.mean() }

    var v = dynamicWeights(meanLosses, meanValidities)
    if detachesWeights { v = v.map { $0.stopGradient() } }

    let weighted: Passes
    let total: Tensor
    switch kind {
    case .tpu:
      weighted = v
      total = (sum(v, losses) / (v.generated + v.real + v.fake)).mean()
    case .gpu:
      let one = v.real.builder.constant(1)
      weighted = Passes(generated: 0.1 * v.generated, real: one, fake: 0.9 * v.fake)
      total = (sum(weighted, losses) / 2).mean()
    }
    let weightSum = weighted.generated + weighted.real + weighted.fake
    return ObjectiveValues(
      total: total, losses: meanLosses, shares: weighted.map { $0 / weightSum },
      validities: meanValidities)
  }

  private func dynamicWeights(_ losses: Passes, _ validities: Passes) -> Passes {
    switch weights {
    case .loss: losses
    case .validity:
      Passes(
        generated: 1 - validities.generated, real: 1 - validities.real, fake: validities.fake)
    case .equal:
      losses.map { $0.builder.constant(1) }
    }
  }

  /// Σ weight · losses of the passes, of shape [examples].
  private func sum(_ weights: Passes, _ losses: Passes) -> Tensor {
    weights.real * losses.real + weights.generated * losses.generated + weights.fake * losses.fake
  }
}

/// The classic GAN: two objectives, one for each network.
package struct ClassicObjective: Sendable {
  package let loss: AdversarialLoss

  package init(loss: AdversarialLoss) { self.loss = loss }

  /// - Parameter validity: `fake` is D of the generated images as data.
  /// - Returns: the values, whose total is the sum of both objectives; the generator's l_gen; and the discriminator's
  ///   (l_real + l_fake) / 2.
  package func callAsFunction(
    _ validity: Passes
  ) -> (values: ObjectiveValues, generator: Tensor, discriminator: Tensor) {
    let losses = Passes(
      generated: loss(validity.generated, isReal: true).mean(),
      real: loss(validity.real, isReal: true).mean(),
      fake: loss(validity.fake, isReal: false).mean())
    let discriminator = (losses.real + losses.fake) / 2
    let values = ObjectiveValues(
      total: losses.generated + discriminator, losses: losses, shares: nil,
      validities: validity.map { $0.mean() })
    return (values, losses.generated, discriminator)
  }
}
