import CKernels
import COpenBLAS
import Synchronization

#if ONEDNN
  import COneDNN
#endif

/// Prepares kernel calls for one thread, and owns their argument blocks, scratch memory and library
/// objects: a call is valid as long as its factory lives. Calls of one factory share scratch memory
/// and must not run at the same time.
package final class KernelFactory {
  package let libraries: KernelLibraries
  /// The names of the code that oneDNN chose, in the order of creation.
  package internal(set) var implementations: [String] = []

  var blocks: [UnsafeMutableRawPointer] = []
  private var scratch: (pointer: UnsafeMutableRawPointer, bytes: Int)?
  private var packedGradient: (pointer: UnsafeMutableRawPointer, bytes: Int)?
  #if ONEDNN
    var context = odnn_context()
    private var libraryCalls: [UnsafeMutablePointer<odnn_call>] = []
  #endif
  /// Kernels as convolutions have packed them.
  var packedKernels: [PackedKernel: UnsafeMutableRawPointer] = [:]

  /// - Throws: `KernelError` where a library is not built in or cannot be started.
  package init(_ libraries: KernelLibraries) throws(KernelError) {
    self.libraries = libraries
    for library in [libraries.products, libraries.convolutions] where !library.isPresent {
      throw .backendMissing(library)
    }
    #if ONEDNN
      if usesOneDNN {
        // A call uses as many threads as there were to be had when it was prepared.
        Machine.prepareThread(libraries)
        let status = odnn_context_create(&context)
        if status != 0 { throw .oneDNN(status: status, what: "an engine") }
      }
    #endif
  }

  deinit {
    #if ONEDNN
      for call in libraryCalls { odnn_call_destroy(call) }
      if usesOneDNN { odnn_context_destroy(&context) }
    #endif
    for block in blocks { block.deallocate() }
  }

  private var usesOneDNN: Bool {
    libraries.products == .oneDNN || libraries.convolutions == .oneDNN
  }

  #if ONEDNN
    /// A call of oneDNN, to be filled in, that lives as long as the factory.
    func libraryCall() -> UnsafeMutablePointer<odnn_call> {
      let call = keep(odnn_call())
      libraryCalls.append(call)
      return call
    }

    /// Gives a new call its scratch memory, and notes which code oneDNN chose for it.
    ///
    /// - Throws: `KernelError.oneDNN`, `.slowImplementation`
    func finish(
      _ call: UnsafeMutablePointer<odnn_call>, status: Int32, scratchBytes: Int64,
      implementation name: [CChar], what: String
    ) throws(KernelError) {
      var status = status
      if status == 0, scratchBytes > 0 {
        status = odnn_call_set_scratch(
          &context, call, sharedScratch(bytes: Int(scratchBytes)), scratchBytes)
      }
      if status != 0 { throw .oneDNN(status: status, what: what) }
      let implementation = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      if implementation.hasPrefix("ref") {
        throw .slowImplementation(name: implementation, what: what)
      }
      implementations.append(implementation)
    }
  #endif

  /// A block that lives as long as the factory.
  func keep<Arguments>(_ arguments: Arguments) -> UnsafeMutablePointer<Arguments> {
    let block = UnsafeMutablePointer<Arguments>.allocate(capacity: 1)
    block.initialize(to: arguments)
    blocks.append(UnsafeMutableRawPointer(block))
    return block
  }

  func keep<Element>(array: [Element]) -> UnsafePointer<Element> {
    let block = UnsafeMutablePointer<Element>.allocate(capacity: max(array.count, 1))
    block.initialize(from: array, count: array.count)
    blocks.append(UnsafeMutableRawPointer(block))
    return UnsafePointer(block)
  }

  /// 64-byte aligned memory that lives as long as the factory.
  package func allocate(count: Int) -> UnsafeMutablePointer<Float> {
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    blocks.append(block)
    return block.bindMemory(to: Float.self, capacity: max(count, 1))
  }
}

// MARK: - Elementwise, sums and draws

extension KernelFactory {
  /// out = f(a) or f(a, b), all of the same dimensions.
  package func elementwise(
    _ function: ElementwiseFunction, out: StridedTensor, _ a: StridedTensor,
    _ b: StridedTensor? = nil
  ) throws(KernelError) -> KernelCall {
    let axes = collapsed(out.dimensions, [out.strides, a.strides, b?.strides ?? a.strides])
    guard axes.dimensions.count <= CK_MAXIMUM_RANK else {
      throw .tooManyAxes(axes.dimensions.count)
    }
    var arguments = ck_elementwise_arguments()
    let (code, p, q) = function.code
    arguments.function = Int32(code.rawValue)
    arguments.rank = Int32(axes.dimensions.count)
    arguments.out = out.pointer
    arguments.a = UnsafePointer(a.pointer)
    arguments.b = b.map { UnsafePointer($0.pointer) }
    arguments.p = p
    arguments.q = q
    fill(&arguments.dimensions, axes.dimensions)
    fill(&arguments.out_strides, axes.strides[0])
    fill(&arguments.a_strides, axes.strides[1])
    fill(&arguments.b_strides, b == nil ? [] : axes.strides[2])
    return KernelCall(ck_elementwise, keep(arguments))
  }

  package func fill(_ out: UnsafeMutablePointer<Float>, count: Int, _ value: Float) -> KernelCall {
    KernelCall(ck_fill, keep(ck_fill_arguments(out: out, count: Int64(count), value: value)))
  }

  /// out = Σ over `axes` of a; out has the remaining axes in order.
  package func sum(
    out: StridedTensor, of a: StridedTensor, axes: [Int]
  ) throws(KernelError) -> KernelCall {
    let keptAxes = a.dimensions.indices.filter { !axes.contains($0) }
    let kept = collapsed(
      keptAxes.map { a.dimensions[$0] }, [out.strides, keptAxes.map { a.strides[$0] }])
    let reduced = collapsed(axes.map { a.dimensions[$0] }, [axes.map { a.strides[$0] }])
    let rank = max(kept.dimensions.count, reduced.dimensions.count)
    guard rank <= CK_MAXIMUM_RANK else { throw .tooManyAxes(rank) }
    var arguments = ck_sum_arguments()
    arguments.kept_rank = Int32(kept.dimensions.count)
    arguments.reduced_rank = Int32(reduced.dimensions.count)
    arguments.out = out.pointer
    arguments.a = UnsafePointer(a.pointer)
    fill(&arguments.kept, kept.dimensions)
    fill(&arguments.out_strides, kept.strides[0])
    fill(&arguments.kept_strides, kept.strides[1])
    fill(&arguments.reduced, reduced.dimensions)
    fill(&arguments.reduced_strides, reduced.strides[0])
    return KernelCall(ck_sum, keep(arguments))
  }

  /// Draws [examples, elements] of the stream with `identifier`, from example `firstExample` of the
  /// global batch on.
  package func random(
    out: UnsafeMutablePointer<Float>, normal: Bool, seed: UInt64, stream identifier: UInt32,
    examples: Int, firstExample: Int, elements: Int, step: UnsafePointer<Int64>
  ) -> KernelCall {
    KernelCall(
      ck_random,
      keep(
        ck_random_arguments(
          out: out, step: step, seed: seed, stream: identifier, normal: normal ? 1 : 0,
          examples: Int64(examples), first_example: Int64(firstExample), elements: Int64(elements)))
    )
  }

  /// Drops axes of extent 1 and joins neighbours that every operand walks through without a break.
  private func collapsed(
    _ dimensions: [Int], _ strides: [[Int]]
  ) -> (dimensions: [Int], strides: [[Int]]) {
    var result: (dimensions: [Int], strides: [[Int]]) = ([], strides.map { _ in [] })
    for axis in dimensions.indices where dimensions[axis] != 1 {
      let joins =
        !result.dimensions.isEmpty
        && strides.indices.allSatisfy { operand in
          result.strides[operand].last == strides[operand][axis] * dimensions[axis]
        }
      if joins {
        result.dimensions[result.dimensions.count - 1] *= dimensions[axis]
        for operand in strides.indices {
          result.strides[operand][result.dimensions.count - 1] = strides[operand][axis]
        }
      } else {
        result.dimensions.append(dimensions[axis])
        for operand in strides.indices { result.strides[operand].append(strides[operand][axis]) }
      }
    }
    return result
  }

  /// Copies numbers into a C array, which Swift sees as a tuple.
  private func fill<Tuple>(_ tuple: inout Tuple, _ numbers: [Int]) {
    withUnsafeMutableBytes(of: &tuple) { bytes in
      for (index, number) in zip(bytes.bindMemory(to: Int64.self).indices, numbers) {
        bytes.bindMemory(to: Int64.self)[index] = Int64(number)
      }
    }
  }
}

// MARK: - Products

extension KernelFactory {
  /// One product of a dense layer; see `ProductKernel` for the shapes.
  ///
  /// - Parameters:
  ///   - bias: n numbers that are added to each row of a `plain` product, before the activation.
  /// - Throws: `KernelError.oneDNN`, `.slowImplementation`
  package func product(
    _ form: ProductKernel, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, rows: Int, k: Int, n: Int,
    bias: UnsafePointer<Float>? = nil, activation: KernelActivation = .identity
  ) throws(KernelError) -> [KernelCall] {
    precondition(form == .plain || (bias == nil && activation == .identity))
    if n == 1 {
      return columnProduct(form, x, y, out: out, rows: rows, k: k)
        + biasActivation(out, rows: rows, columns: 1, bias: bias, activation)
    }
    switch libraries.products {
    case .openBLAS:
      return openBLASProduct(form, x, y, out: out, rows: rows, k: k, n: n)
        + biasActivation(out, rows: rows, columns: n, bias: bias, activation)
    case .oneDNN:
      return try oneDNNProduct(
        form, x, y, out: out, rows: rows, k: k, n: n, bias: bias, activation: activation)
    }
  }

  func biasActivation(
    _ y: UnsafeMutablePointer<Float>, rows: Int, columns: Int, bias: UnsafePointer<Float>?,
    _ activation: KernelActivation
  ) -> [KernelCall] {
    if bias == nil && activation == .identity { return [] }
    let (code, slope) = activation.code
    let arguments = ck_bias_activation_arguments(
      y: y, bias: bias, rows: Int64(rows), columns: Int64(columns),
      activation: Int32(code.rawValue), slope: slope)
    return [KernelCall(ck_bias_activation, keep(arguments))]
  }

  /// Libraries are slow where a layer has a single output.
  private func columnProduct(
    _ form: ProductKernel, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, rows: Int, k: Int
  ) -> [KernelCall] {
    let arguments = ck_column_product_arguments(
      x: x, w: y, out: out, rows: Int64(rows), k: Int64(k))
    return switch form {
    case .plain: [KernelCall(ck_column_product, keep(arguments))]
    case .transposedRight: [KernelCall(ck_column_outer_product, keep(arguments))]
    case .transposedLeft: [KernelCall(ck_column_weight_gradient, keep(arguments))]
    }
  }

  private func openBLASProduct(
    _ form: ProductKernel, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, rows: Int, k: Int, n: Int
  ) -> [KernelCall] {
    let (rows, k, n) = (Int32(rows), Int32(k), Int32(n))
    let arguments =
      switch form {
      case .plain:
        oblas_product(
          transposes_a: 0, transposes_b: 0, m: rows, n: n, k: k, a_stride: k, b_stride: n,
          accumulates: 0, a: x,
          b: y, out: out)
      case .transposedRight:
        oblas_product(
          transposes_a: 0, transposes_b: 1, m: rows, n: k, k: n, a_stride: n, b_stride: n,
          accumulates: 0, a: x,
          b: y, out: out)
      case .transposedLeft:
        oblas_product(
          transposes_a: 1, transposes_b: 0, m: k, n: n, k: rows, a_stride: k, b_stride: n,
          accumulates: 0, a: x,
          b: y, out: out)
      }
    return [KernelCall(oblas_multiply, keep(arguments))]
  }

  private func oneDNNProduct(
    _ form: ProductKernel, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, rows: Int, k: Int, n: Int, bias: UnsafePointer<Float>?,
    activation: KernelActivation
  ) throws(KernelError) -> [KernelCall] {
    #if ONEDNN
      let (m64, k64, n64) = (Int64(rows), Int64(k), Int64(n))
      var shape = odnn_matmul()
      switch form {
      case .plain:
        (shape.m, shape.n, shape.k) = (m64, n64, k64)
        (shape.a_strides, shape.b_strides) = ((k64, 1), (n64, 1))
      case .transposedRight:
        (shape.m, shape.n, shape.k) = (m64, k64, n64)
        (shape.a_strides, shape.b_strides) = ((n64, 1), (1, n64))
      case .transposedLeft:
        (shape.m, shape.n, shape.k) = (k64, n64, m64)
        (shape.a_strides, shape.b_strides) = ((1, k64), (n64, 1))
      }
      shape.has_bias = bias == nil ? 0 : 1
      var follows: [KernelCall] = []
      if let (code, slope) = activation.libraryCode {
        (shape.activation, shape.slope) = (code, slope)
      } else {
        follows = biasActivation(out, rows: rows, columns: n, bias: nil, activation)
      }
      let call = libraryCall()
      var bytes: Int64 = 0
      var name = [CChar](repeating: 0, count: 64)
      let status = odnn_matmul_create(&context, &shape, x, y, bias, out, call, &bytes, &name)
      try finish(
        call, status: status, scratchBytes: bytes, implementation: name,
        what: "a \(form) product of \(rows) rows, \(k) × \(n)")
      return [KernelCall(odnn_execute, call)] + follows
    #else
      throw .backendMissing(.oneDNN)
    #endif
  }

  /// Scratch memory of at least `bytes`, the same for all calls where it is large enough.
  func sharedScratch(bytes: Int) -> UnsafeMutableRawPointer { shared(&scratch, bytes) }

  /// Memory for a kernel's gradient between the call that computes it and the one that unpacks it.
  func sharedPackedGradient(bytes: Int) -> UnsafeMutableRawPointer {
    shared(&packedGradient, bytes)
  }

  private func shared(
    _ memory: inout (pointer: UnsafeMutableRawPointer, bytes: Int)?, _ bytes: Int
  ) -> UnsafeMutableRawPointer {
    if let memory, memory.bytes >= bytes { return memory.pointer }
    let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    blocks.append(block)
    memory = (block, bytes)
    return block
  }
}

// MARK: - Reductions over replicas

extension KernelFactory {
  /// Partial sums and the order in which they are added: see `ck_tree`.
  private func tree(_ partials: [UnsafePointer<Float>], _ merges: [Int32]) -> ck_tree {
    precondition(partials.count == merges.count && !partials.isEmpty)
    return ck_tree(
      partials: keep(array: partials.map(Optional.init)), merges: keep(array: merges),
      count: Int64(partials.count))
  }

  /// out = scale · Σ partials, added along the tree.
  package func sumTree(
    _ partials: [UnsafePointer<Float>], merges: [Int32], out: UnsafeMutablePointer<Float>,
    count: Int, scale: Float = 1
  ) -> KernelCall {
    KernelCall(
      ck_sum_tree,
      keep(
        ck_sum_tree_arguments(
          tree: tree(partials, merges), out: out, count: Int64(count), scale: scale)))
  }

  /// Adds `amount` to a counter that other threads or processes watch.
  package func countUp(_ counter: UnsafeMutablePointer<Atomic<Int>>, by amount: Int) -> KernelCall {
    KernelCall(
      ck_count_up,
      keep(
        ck_count_up_arguments(
          counter: UnsafeMutableRawPointer(counter).assumingMemoryBound(to: Int64.self),
          amount: Int64(amount))))
  }

  /// Adam over `count` parameters with the gradient scale · Σ partials, which is stored where
  /// `stored` is given.
  package func adam(
    _ adam: AdamKernel, partials: [UnsafePointer<Float>], merges: [Int32], scale: Float,
    stored: UnsafeMutablePointer<Float>?, parameters: UnsafeMutablePointer<Float>,
    firstMoments: UnsafeMutablePointer<Float>, secondMoments: UnsafeMutablePointer<Float>,
    count: Int, step: UnsafePointer<Int64>
  ) -> KernelCall {
    KernelCall(
      ck_adam,
      keep(
        ck_adam_arguments(
          tree: tree(partials, merges), stored: stored, parameters: parameters,
          first_moments: firstMoments, second_moments: secondMoments, step: step,
          count: Int64(count), learning_rate: adam.learningRate, beta1: adam.beta1,
          beta2: adam.beta2, epsilon: adam.epsilon, scale: scale, keras: adam.keras ? 1 : 0)))
  }

  /// out [k, n] = xᵀ · y of each replica, added along the tree. Replica r has `rows` rows in each
  /// of `segments` passes: row pass · segmentRows + r · rows + j.
  package func weightGradient(
    x: UnsafePointer<Float>, y: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>,
    merges: [Int32], segments: Int, segmentRows: Int, rows: Int, k: Int, n: Int
  ) -> KernelCall {
    let floats = ck_weight_gradient_scratch(
      Int64(merges.count), Int64(segments), Int64(rows), Int64(k))
    let scratch = sharedScratch(bytes: Int(floats) * MemoryLayout<Float>.stride)
    return KernelCall(
      ck_weight_gradient,
      keep(
        ck_weight_gradient_arguments(
          x: x, y: y, out: out,
          scratch: scratch.bindMemory(to: Float.self, capacity: Int(floats)),
          merges: keep(array: merges), replicas: Int64(merges.count), segments: Int64(segments),
          segment_rows: Int64(segmentRows), rows: Int64(rows), k: Int64(k), n: Int64(n))))
  }
}

#if ONEDNN
  extension KernelActivation {
    /// What makes oneDNN apply the activation itself; nil where a call of our own does.
    var libraryCode: (activation: Int32, slope: Float)? {
      switch self {
      case .identity: (Int32(ODNN_NONE.rawValue), 0)
      case .tanh: (Int32(ODNN_TANH.rawValue), 0)
      case .leakyReLU(let slope): (Int32(ODNN_LEAKY_RELU.rawValue), Float(slope))
      case .sigmoid: nil
      }
    }
  }
#endif
