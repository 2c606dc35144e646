import CKernels

/// One call of a step: a C function and the argument block that was prepared for it before the
/// first step. Running it allocates nothing and counts no references.
package struct KernelCall {
  package typealias Function = @convention(c) (UnsafeRawPointer?) -> Int32

  private let function: Function
  private let arguments: UnsafeRawPointer

  /// - Parameter arguments: what `function` expects; it outlives the call.
  init(_ function: @escaping Function, _ arguments: UnsafeRawPointer) {
    self.function = function
    self.arguments = arguments
  }

  /// - Returns: 0, or the library's error code.
  @inline(__always)
  package func run() -> Int32 { function(arguments) }
}

extension KernelCall: @unchecked Sendable {}

/// Memory as a kernel sees it: element (i, j, …) lies at pointer + i·strides[0] + j·strides[1] + …;
/// a stride of 0 repeats.
package struct StridedTensor {
  package var pointer: UnsafeMutablePointer<Float>
  package var dimensions: [Int]
  package var strides: [Int]

  package init(pointer: UnsafeMutablePointer<Float>, dimensions: [Int], strides: [Int]) {
    self.pointer = pointer
    self.dimensions = dimensions
    self.strides = strides
  }

  package var count: Int { dimensions.reduce(1, *) }
}

/// Why no kernel could be prepared.
package enum KernelError: Error, Equatable, CustomStringConvertible {
  /// oneDNN refused, with its status.
  case oneDNN(status: Int32, what: String)
  /// oneDNN would use its reference code, a hundred times too slow.
  case slowImplementation(name: String, what: String)
  case tooManyAxes(Int)
  case backendMissing(MatrixBackend)

  package var description: String {
    switch self {
    case .oneDNN(let status, let what): "oneDNN cannot prepare \(what) (status \(status))"
    case .slowImplementation(let name, let what):
      "oneDNN has only its reference code \"\(name)\" for \(what)"
    case .tooManyAxes(let count): "\(count) axes are more than a kernel's \(CK_MAXIMUM_RANK)"
    case .backendMissing(let backend): "this program was built without \(backend.rawValue)"
    }
  }
}

/// Which library multiplies matrices, or convolves.
package enum MatrixBackend: String, Sendable, CaseIterable {
  case oneDNN
  case openBLAS

  /// The best of those that this program was built with.
  package static var best: MatrixBackend { oneDNN.isPresent ? .oneDNN : .openBLAS }

  package var isPresent: Bool {
    #if ONEDNN
      true
    #else
      self == .openBLAS
    #endif
  }

  /// Whether a row of a product has the same bits whatever rows are computed with it.
  package var rowsAreIndependent: Bool { self == .oneDNN }
}

/// Who computes products, and who convolutions.
package struct KernelLibraries: Hashable, Sendable {
  package var products: MatrixBackend
  package var convolutions: MatrixBackend
  /// How many threads oneDNN shares one call among: more than one only where there are fewer workers
  /// than cores, since workers scale better.
  package var threads: Int

  package init(products: MatrixBackend, convolutions: MatrixBackend, threads: Int = 1) {
    self.products = products
    self.convolutions = convolutions
    self.threads = threads
  }

  /// One library for both.
  package init(_ library: MatrixBackend) {
    self.init(products: library, convolutions: library)
  }

  package static var best: KernelLibraries { KernelLibraries(.best) }
}
