/// Whose names and whose order of numbers a file of weights has.
package enum WeightFormat: String, CaseIterable, Sendable {
  /// The `state_dict` of the published PyTorch notebooks' module `SelfGAN`.
  case pytorch
  /// Keras 3's paths of variables.
  case keras
}
