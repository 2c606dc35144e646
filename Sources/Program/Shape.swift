/// The static extents of a tensor, outermost axis first; `[]` is a scalar.
package struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  package var dimensions: [Int]

  package init(_ dimensions: [Int]) { self.dimensions = dimensions }
  package init(arrayLiteral elements: Int...) { dimensions = elements }

  package var rank: Int { dimensions.count }
  /// How many elements a tensor of this shape has.
  package var count: Int { dimensions.reduce(1, *) }
  package var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }

  package subscript(axis: Int) -> Int { dimensions[axis] }

  /// How many elements lie in the axes before `axis`: the product of their extents.
  package func count(before axis: Int) -> Int { dimensions[..<axis].reduce(1, *) }

  /// This shape without `axes`.
  package func removing(axes: [Int]) -> Shape {
    Shape(dimensions.indices.filter { !axes.contains($0) }.map { dimensions[$0] })
  }

  /// The shape that two operands have in common under NumPy's broadcasting (aligned at the last
  /// axis; 1 stretches), or nil where they do not fit.
  package func broadcast(with other: Shape) -> Shape? {
    let rank = max(self.rank, other.rank)
    var result = [Int](repeating: 1, count: rank)
    for (shape, offset) in [(self, rank - self.rank), (other, rank - other.rank)] {
      for (axis, extent) in shape.dimensions.enumerated() where extent != 1 {
        guard result[axis + offset] == 1 || result[axis + offset] == extent else { return nil }
        result[axis + offset] = extent
      }
    }
    return Shape(result)
  }

  /// The axes of `result` along which a tensor of this shape repeats when it is broadcast to
  /// `result`.
  package func repeatedAxes(in result: Shape) -> [Int] {
    let offset = result.rank - rank
    return result.dimensions.indices.filter { axis in
      axis < offset || (dimensions[axis - offset] == 1 && result[axis] != 1)
    }
  }
}

/// Whether a value is the same in every replica (parameters, averaged gradients) or each replica
/// has its own (activations, batch statistics, losses).
package enum Distribution: String, Hashable, Sendable {
  case replicated
  case perReplica = "each"
}

/// What is known of a value before the program runs. Elements are real numbers: the executor
/// computes in float32, the reference interpreter in float64.
package struct TensorType: Hashable, Sendable, CustomStringConvertible {
  package var shape: Shape
  package var distribution: Distribution

  package init(_ shape: Shape, _ distribution: Distribution) {
    self.shape = shape
    self.distribution = distribution
  }

  package var description: String {
    distribution == .perReplica ? "each \(shape)" : "\(shape)"
  }
}
