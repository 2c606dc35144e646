import Kernels
import TestSupport
import Testing

/// A factory, and the memory that its calls work on; both live as long as the bench.
final class Workbench {
  let factory: KernelFactory
  private var memory: [GuardedFloats] = []

  /// Sets the thread up as a worker's.
  init(_ backend: MatrixBackend = .best) throws {
    Machine.prepareProcess()
    Machine.prepareThread()
    factory = try KernelFactory(KernelLibraries(backend))
  }

  func floats(_ values: [Float]) -> GuardedFloats {
    let floats = GuardedFloats(values)
    memory.append(floats)
    return floats
  }

  /// NaNs, which a kernel must overwrite.
  func floats(count: Int) -> GuardedFloats { floats(Array(repeating: .nan, count: count)) }

  /// A tensor with its axes in any order in memory, and gaps between its elements.
  ///
  /// - Parameter repeated: axes along which all elements are one and the same (stride 0).
  func scattered(
    shape: [Int], repeated: Set<Int> = [], using numbers: inout SeededNumbers
  ) -> ScatteredTensor {
    var strides = [Int](repeating: 0, count: shape.count)
    var stride = numbers.integer(1...3)
    for axis in shape.indices.shuffled(using: &numbers) where !repeated.contains(axis) {
      strides[axis] = stride
      stride = stride * shape[axis] + numbers.integer(0...2)
    }
    let memory = floats(numbers.floats(stride + 1))
    return ScatteredTensor(
      memory: memory,
      tensor: StridedTensor(pointer: memory.pointer, dimensions: shape, strides: strides))
  }

  /// Runs the calls, and expects that they wrote nowhere beyond the bench's memory.
  func run(_ calls: [KernelCall], sourceLocation: SourceLocation = #_sourceLocation) {
    for call in calls { #expect(call.run() == 0, sourceLocation: sourceLocation) }
    let intact = memory.allSatisfy { $0.guardsAreIntact }
    #expect(intact, sourceLocation: sourceLocation)
  }

  func run(_ call: KernelCall, sourceLocation: SourceLocation = #_sourceLocation) {
    run([call], sourceLocation: sourceLocation)
  }
}
