/// How a tensor's numbers change places: as a tensor of `extents`, whose axis `permutation[i]` becomes axis i.
struct AxisOrder: Equatable {
  let extents: [Int]
  let permutation: [Int]

  static func kept(_ extents: [Int]) -> AxisOrder {
    AxisOrder(extents: extents, permutation: Array(extents.indices))
  }

  /// The extents afterwards.
  var result: [Int] { permutation.map { extents[$0] } }

  /// What brings the numbers back to their places.
  var inverse: AxisOrder {
    AxisOrder(
      extents: result,
      permutation: permutation.indices.sorted { permutation[$0] < permutation[$1] })
  }

  /// - Parameter values: as many as the extents say.
  /// - Complexity: O(values)
  func callAsFunction(_ values: [Float]) -> [Float] {
    let strides = permutation.map { axis in extents[(axis + 1)...].reduce(1, *) }
    let result = result
    var index = result.map { _ in 0 }
    var source = 0
    return values.indices.map { _ in
      defer {
        for axis in result.indices.reversed() {
          index[axis] += 1
          source += strides[axis]
          if index[axis] < result[axis] { break }
          source -= index[axis] * strides[axis]
          index[axis] = 0
        }
      }
      return values[source]
    }
  }
}
