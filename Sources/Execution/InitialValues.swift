import Program
import RandomStreams

extension Variable {
  /// The values that the variable starts with, rounded to Float: element i is drawn from the stream
  /// `initial/<name>`.
  ///
  /// - Complexity: O(count)
  package func initialValues(seed: UInt64) -> [Float] {
    let stream = RandomStream(seed: seed, name: "initial/\(name)")
    let count = type.shape.count
    switch initial {
    case .constant(let number): return Array(repeating: Float(number), count: count)
    case .uniform(let bound):
      return (0..<count).map { element in
        Float(bound * (2 * stream.uniform(element: element, example: 0, step: 0) - 1))
      }
    case .normal(let mean, let deviation):
      return (0..<count).map { element in
        Float(mean + deviation * stream.normal(element: element, example: 0, step: 0))
      }
    }
  }
}
