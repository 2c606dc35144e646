/// What is said of a tensor's numbers where they are too many to be shown: of the finite ones, and how many
/// are not.
package struct TensorSummary: Sendable, Equatable, Encodable {
  package let name: String
  package let shape: [Int]
  /// The root of the sum of squares.
  package let norm: Double
  /// Nil where there is no finite number.
  package let minimum: Float?
  package let maximum: Float?
  package let nonFinite: Int

  /// - Complexity: O(numbers)
  package init(_ tensor: NamedTensor) {
    var (sum, count) = (0.0, 0)
    var (least, most) = (Float.infinity, -Float.infinity)
    for value in tensor.values {
      guard value.isFinite else {
        count += 1
        continue
      }
      sum += Double(value) * Double(value)
      least = min(least, value)
      most = max(most, value)
    }
    (name, shape) = (tensor.name, tensor.shape)
    (norm, nonFinite) = (sum.squareRoot(), count)
    (minimum, maximum) = least <= most ? (least, most) : (nil, nil)
  }
}
