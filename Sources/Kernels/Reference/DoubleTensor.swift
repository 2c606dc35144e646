/// A dense tensor of the reference implementation, row-major.
package struct DoubleTensor: Hashable, Sendable {
  package var shape: [Int]
  package var values: [Double]

  package init(shape: [Int], values: [Double]) {
    precondition(shape.reduce(1, *) == values.count, "a tensor has a value for each element")
    self.shape = shape
    self.values = values
  }

  package init(shape: [Int], repeating value: Double = 0) {
    self.init(shape: shape, values: Array(repeating: value, count: shape.reduce(1, *)))
  }

  /// The distance between neighbours along each axis.
  var strides: [Int] {
    shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
  }

  /// The tensor whose element at `index` is this one's at `source(index)`.
  func gathered(shape: [Int], _ source: ([Int]) -> Int) -> DoubleTensor {
    var result = DoubleTensor(shape: shape)
    var index = shape.map { _ in 0 }
    for position in result.values.indices {
      result.values[position] = values[source(index)]
      for axis in shape.indices.reversed() {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
      }
    }
    return result
  }
}
