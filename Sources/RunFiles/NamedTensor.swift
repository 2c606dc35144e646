/// A float32 tensor by its name, as safetensors files have them.
package struct NamedTensor: Sendable, Equatable {
  package let name: String
  /// Empty for a scalar.
  package let shape: [Int]
  /// In the order of the shape's axes, the last one fastest.
  package let values: [Float]

  /// - Precondition: as many values as the shape says.
  package init(_ name: String, shape: [Int], _ values: [Float]) {
    precondition(shape.reduce(1, *) == values.count, name)
    self.name = name
    self.shape = shape
    self.values = values
  }
}
