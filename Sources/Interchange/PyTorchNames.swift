import RunConfiguration

/// The names that the published PyTorch notebooks' module `SelfGAN` gives to its tensors
/// (`generator.model.0.weight`). The models of the Keras layout have modules of the same make, whose layers stand in
/// Keras' order; docs/interchange.md defines all.
enum PyTorchNames {
  /// Batches that a batch norm has seen: an integer that PyTorch keeps beside its moving statistics, and does not use
  /// where the momentum is given.
  static let counter = "num_batches_tracked"

  static func name(of variable: String, in model: Configuration.Model) -> String {
    let layer = LayerName(ofVariable: variable)
    return module(of: layer, in: model) + "." + part(layer.part)
  }

  /// The counters of the batch norms among `variables`.
  static func counters(
    _ variables: some Sequence<String>, in model: Configuration.Model
  ) -> [String] {
    variables.map { LayerName(ofVariable: $0) }.filter { $0.part == "moving_mean" }
      .map { module(of: $0, in: model) + "." + counter }
  }

  private static func module(of layer: LayerName, in model: Configuration.Model) -> String {
    let modules = modules(of: model)["\(layer.network)/\(layer.kind)"] ?? []
    precondition(layer.index < modules.count, "\(layer.path) has no module")
    return layer.network + "." + modules[layer.index]
  }

  private static func part(_ part: String) -> String {
    switch part {
    case "kernel", "gamma": "weight"
    case "bias", "beta": "bias"
    case "moving_mean": "running_mean"
    case "moving_variance": "running_var"
    default: part
    }
  }

  /// Of each kind of layer, the modules in their order.
  private static func modules(of model: Configuration.Model) -> [String: [String]] {
    switch (model.kind, model.layout) {
    case (.gan, .keras):
      [
        "generator/dense": ["model.0", "model.3", "model.6", "model.9"],
        "generator/batch_norm": ["model.2", "model.5", "model.8"],
        "discriminator/dense": ["model.0", "model.2", "model.4"],
      ]
    case (.gan, .pytorch):
      [
        "generator/dense": ["model.0", "model.2", "model.5", "model.8", "model.11"],
        "generator/batch_norm": ["model.3", "model.6", "model.9"],
        "discriminator/dense": ["model.0", "model.2", "model.4"],
      ]
    case (.dcgan, .keras):
      [
        "generator/dense": ["l1.0"],
        "generator/conv": ["conv_blocks.1", "conv_blocks.5", "conv_blocks.8"],
        "generator/batch_norm": ["conv_blocks.2", "conv_blocks.6"],
        "discriminator/conv": ["model.1", "model.5", "model.11", "model.16"],
        "discriminator/batch_norm": ["model.7", "model.12", "model.17"],
        "discriminator/dense": ["adv_layer.0"],
      ]
    case (.dcgan, .pytorch):
      [
        "generator/dense": ["l1.0"],
        "generator/conv": ["conv_blocks.2", "conv_blocks.6", "conv_blocks.9"],
        "generator/batch_norm": ["conv_blocks.0", "conv_blocks.3", "conv_blocks.7"],
        "discriminator/conv": ["model.0", "model.3", "model.7", "model.11"],
        "discriminator/batch_norm": ["model.6", "model.10", "model.14"],
        "discriminator/dense": ["adv_layer.0"],
      ]
    }
  }
}
