import Kernels

/// Floats on a 64-byte boundary between two guards, by which a test sees writes beyond them.
final class GuardedFloats {
  let pointer: UnsafeMutablePointer<Float>
  let count: Int
  private let block: UnsafeMutablePointer<Float>
  private static let guardCount = 64
  private static let sentinel: Float = -12_345.5

  init(_ values: [Float]) {
    count = values.count
    let total = count + 2 * Self.guardCount
    block = UnsafeMutableRawPointer.allocate(
      byteCount: total * MemoryLayout<Float>.stride, alignment: 64
    ).bindMemory(to: Float.self, capacity: total)
    block.initialize(repeating: Self.sentinel, count: total)
    pointer = block + Self.guardCount
    pointer.update(from: values, count: count)
  }

  deinit { block.deallocate() }

  var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  var guardsAreIntact: Bool {
    let after = pointer + count
    return (0..<Self.guardCount).allSatisfy {
      block[$0] == Self.sentinel && after[$0] == Self.sentinel
    }
  }

  func tensor(_ shape: [Int]) -> StridedTensor {
    StridedTensor(
      pointer: pointer, dimensions: shape, strides: DoubleTensor(shape: shape).rowMajorStrides)
  }
}

/// A tensor that need not be dense in its memory.
struct ScatteredTensor {
  let memory: GuardedFloats
  let tensor: StridedTensor

  /// The elements in row-major order.
  var values: [Float] { tensor.offsets.map { memory.pointer[$0] } }

  /// The elements in memory that do not belong to the tensor.
  var gaps: [Float] {
    let own = Set(tensor.offsets)
    return memory.values.indices.filter { !own.contains($0) }.map { memory.pointer[$0] }
  }
}

extension StridedTensor {
  var offsets: [Int] {
    (0..<count).map { flat in
      var (rest, offset) = (flat, 0)
      for axis in dimensions.indices.reversed() {
        offset += rest % dimensions[axis] * strides[axis]
        rest /= dimensions[axis]
      }
      return offset
    }
  }
}

extension DoubleTensor {
  init(_ shape: [Int], _ floats: [Float]) {
    self.init(shape: shape, values: floats.map(Double.init))
  }

  var rowMajorStrides: [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    return strides
  }

  func mapValues(_ transform: (Double) -> Double) -> DoubleTensor {
    DoubleTensor(shape: shape, values: values.map(transform))
  }
}
