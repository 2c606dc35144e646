import Program

extension ReplicaProgram {
  /// How many elements of each value lie outside its replica axis.
  ///
  /// A value of shape [3, 8, 784] is laid out as [3, width, 8, 784] (3) or [width, 3, 8, 784] (1).
  /// The first makes the concatenation of three passes, and a slice of one of them, a stretch of
  /// memory without a copy; so concatenating or slicing the first axis decides for it, and other
  /// operations hand on what they are given.
  ///
  /// - Parameter replicaMajor: values that lie replica by replica whatever they are computed from.
  /// - Complexity: O(instructions)
  func replicaOuterCounts(replicaMajor: (Value) -> Bool = { _ in false }) -> [Int] {
    var outer = [Int](repeating: 1, count: types.count)
    for instruction in instructions {
      let operands = instruction.operands
      let first = operands.first
      for (position, result) in instruction.results.enumerated() {
        let shape = shape(of: result)
        let inherited: Int? =
          switch instruction.operation {
          case .concatenate(axis: 0):
            operands.allSatisfy { outer[$0.index] == self.shape(of: $0)[0] } ? shape[0] : 1
          case .slice, .pad:
            first.map { operand in
              let extent = self.shape(of: operand).dimensions.first
              return outer[operand.index] == extent ? shape.dimensions.first ?? 1 : 1
            }
          case .reshape: first.map { outer[$0.index] }
          case .product(.transposedLeft), .transpose, .broadcast, .concatenate: 1
          case .activationGradientBias where position == 1: 1
          case .product, .dense, .stopGradient, .activationGradientBias, .batchNorm,
            .batchNormGradient, .convolution, .biasedConvolution, .transposedConvolution,
            .resize, .resizeGradient, .upscale, .upscaleGradient, .averagePool,
            .averagePoolGradient, .dropout:
            first.map { mapped(outer[$0.index], from: self.shape(of: $0), to: shape) }
          case .sum(let axes):
            first.map { operand in
              let axis = replicaAxis(outer[operand.index], self.shape(of: operand))
              let kept = (0..<axis).filter { !axes.contains($0) }
              return kept.reduce(1) { $0 * self.shape(of: operand)[$1] }
            }
          case .elementwise:
            operands.first {
              type(of: $0).distribution == .perReplica && self.shape(of: $0) == shape
            }.map { outer[$0.index] }
          default: 1
          }
        if replicaMajor(result) { continue }
        let fits = inherited.map { shape.count(before: replicaAxis($0, shape)) == $0 } ?? false
        outer[result.index] = fits ? inherited ?? 1 : 1
      }
    }
    return outer
  }

  /// The outer count in `to` of a replica axis that has the same number of leading axes there as in
  /// `from`.
  private func mapped(_ outer: Int, from: Shape, to: Shape) -> Int {
    let axis = replicaAxis(outer, from)
    return axis <= to.rank ? to.count(before: axis) : 1
  }
}

/// The first axis of `shape` before which `outer` elements lie: the replica axis goes there.
package func replicaAxis(_ outer: Int, _ shape: Shape) -> Int {
  (0...shape.rank).first { shape.count(before: $0) == outer } ?? 0
}
