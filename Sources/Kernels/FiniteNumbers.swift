import CKernels

extension UnsafeBufferPointer<Float> {
  /// The position of the first element that is infinite or no number.
  ///
  /// - Complexity: O(`count`), as fast as the memory is read; nothing is allocated.
  package var firstNonFinite: Int? {
    guard let baseAddress else { return nil }
    let position = Int(ck_first_non_finite(baseAddress, Int64(count)))
    return position < count ? position : nil
  }
}

extension StridedTensor {
  /// The first element in row-major order that is infinite or no number: its position in that order,
  /// and what it is.
  package var firstNonFinite: (element: Int, number: Float)? {
    var found: (Int, Float)?
    forEachRow { row, position in
      guard found == nil, let index = row.firstNonFinite else { return }
      found = (position + index, row[index])
    }
    return found
  }

  /// The largest |element|; NaNs count as nothing.
  package var largestMagnitude: Float {
    var largest: Float = 0
    forEachRow { row, _ in
      for number in row where abs(number) > largest { largest = abs(number) }
    }
    return largest
  }

  /// Calls `body` for each stretch of elements that lie one after another, with the position of its
  /// first element in row-major order.
  private func forEachRow(_ body: (UnsafeBufferPointer<Float>, _ position: Int) -> Void) {
    let isDense = strides.last.map { $0 == 1 } ?? false
    let length = isDense ? dimensions[dimensions.count - 1] : 1
    let outer = isDense ? dimensions.dropLast() : dimensions[...]
    for row in 0..<outer.reduce(1, *) {
      var (rest, offset) = (row, 0)
      for axis in outer.indices.reversed() {
        offset += rest % outer[axis] * strides[axis]
        rest /= outer[axis]
      }
      body(UnsafeBufferPointer(start: pointer + offset, count: length), row * length)
    }
  }
}
