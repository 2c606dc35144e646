import Foundation
import Program

/// The loss of one example: from the validity p that the discriminator gives it and the label that
/// it should get.
package enum AdversarialLoss: Hashable, Sendable {
  /// Binary cross-entropy as Keras computes it, with p kept in [1e-7, 1 − 1e-7]:
  /// label 1: −log p, label 0: −log(1 − p).
  case clippedCrossEntropy
  /// Binary cross-entropy as PyTorch computes it, with the logarithm kept at −100 or above.
  case clampedLogCrossEntropy
  /// What the published Keras notebook trains: it calls Keras' function with its two arguments
  /// swapped, so that the label, clipped in float32, is taken for the prediction and p for the
  /// label. The result is linear in p, with L the logit of the clipped label: max(L, 0) − L·p +
  /// log(1 + e^−|L|).
  case swappedCrossEntropy

  /// - Parameter validity: in (0, 1), of any shape.
  /// - Returns: the loss of each example, of the same shape.
  package func callAsFunction(_ validity: Tensor, isReal: Bool) -> Tensor {
    switch self {
    case .clippedCrossEntropy:
      let clipped = validity.clamped(Self.epsilon, 1 - Self.epsilon)
      return -(isReal ? clipped : 1 - clipped).log()
    case .clampedLogCrossEntropy:
      return -(isReal ? validity : 1 - validity).log().clamped(-100, .greatestFiniteMagnitude)
    case .swappedCrossEntropy:
      let logit = Self.logitOfClippedLabel(isReal: isReal)
      return max(logit, 0) + log1p(exp(-abs(logit))) - logit * validity
    }
  }

  private static let epsilon = 1e-7

  /// TensorFlow 1.13.1 clips the label and takes its logit in float32: 15.942385 for 1, −16.118095
  /// for 0.
  package static func logitOfClippedLabel(isReal: Bool) -> Double {
    let clipped: Float = isReal ? 1 - 1e-7 : 1e-7
    return Double(log(clipped / (1 - clipped)))
  }
}
