import Program

/// Where each parameter lies in the flat buffers of parameters, gradients and moments: in the order
/// of declaration, each on a 64-byte boundary. One buffer makes one all-reduce and one Adam.
package struct ParameterLayout: Hashable, Sendable {
  /// A boundary of this many floats suits every vector unit: 64 bytes.
  package static let alignment = 16

  package private(set) var offsets: [String: Int] = [:]
  /// The length of the buffers, in floats, padding included.
  package private(set) var count = 0

  package init(_ variables: [Variable]) {
    for variable in variables where variable.role == .parameter {
      offsets[variable.name] = count
      count += Self.padded(variable.type.shape.count)
    }
  }

  package static func padded(_ count: Int) -> Int {
    (count + alignment - 1) / alignment * alignment
  }

  /// Stretch `index` of `count` nearly equal contiguous ones, each starting at a multiple of the
  /// alignment from the range's start; the last has the rest.
  package static func stretch(
    _ index: Int, of count: Int, in range: Range<Int>
  ) -> Range<Int> {
    let units = padded(range.count) / alignment
    let bound = { (index: Int) in
      range.lowerBound + min(units * index / count * alignment, range.count)
    }
    return bound(index)..<bound(index + 1)
  }
}
