#if ONEDNN
  import COneDNN
#endif

/// A convolution's kernel in the order of elements that the library wants it in.
struct PackedKernel: Hashable {
  /// Whose kernel it is; the same number for the same values.
  let identifier: Int
  let shape: ConvolutionKernel
  let form: ConvolutionForm
}

/// Calls that compute a convolution, and what is to be done once before them, whenever the kernel
/// has changed: nothing where that is prepared already.
package struct ConvolutionCalls {
  package var preparation: [KernelCall] = []
  package var calls: [KernelCall]
  /// Where a kernel's gradient lies, where it was left packed.
  package var packedGradient: PackedGradient?
}

/// A kernel's gradient as oneDNN leaves it: in blocks of 16 channels by 16 filters, in which a
/// channel's filters are neighbours.
///
/// Reading it from there saves a copy into the kernel's plain order. It is overwritten by the next
/// gradient that the factory's calls leave packed.
package struct PackedGradient {
  package static let block = 16

  package let pointer: UnsafeMutablePointer<Float>
  /// The distances between neighbours along the kernel's height and width, and between blocks of
  /// channels and of filters.
  package let strides: (height: Int, width: Int, channels: Int, filters: Int)

  /// The gradient [height, width, channels, filters], split into blocks.
  package func tensor(
    height: Int, width: Int, channels: Int, filters: Int
  ) -> StridedTensor {
    StridedTensor(
      pointer: pointer,
      dimensions: Self.blocks(height: height, width: width, channels: channels, filters: filters),
      strides: [
        strides.height, strides.width, strides.channels, Self.block, strides.filters, 1,
      ])
  }

  /// The dimensions of a kernel, split into blocks.
  package static func blocks(height: Int, width: Int, channels: Int, filters: Int) -> [Int] {
    [height, width, channels / block, block, filters / block, block]
  }
}

extension KernelFactory {
  /// One of the three forms of a convolution; see `ConvolutionForm` for the operands.
  ///
  /// - Parameters:
  ///   - kernelIdentifier: a number that stands for the kernel's values in this step, so that they
  ///     are packed once for all calls that read them; nil packs them for this call alone.
  ///   - leavesPacked: whether a kernel's gradient need not be written to `out` where the calls say
  ///     that it is packed.
  ///   - bias: a number a filter that is added to `forward`'s result, before the activation.
  /// - Throws: `KernelError.oneDNN`, `.slowImplementation`
  package func convolution(
    _ shape: ConvolutionKernel, _ form: ConvolutionForm, _ a: UnsafePointer<Float>,
    _ b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, kernelIdentifier: Int? = nil,
    leavesPacked: Bool = false, bias: UnsafePointer<Float>? = nil,
    activation: KernelActivation = .identity
  ) throws(KernelError) -> ConvolutionCalls {
    precondition(form == .forward || (bias == nil && activation == .identity))
    switch libraries.convolutions {
    case .openBLAS:
      return ConvolutionCalls(
        calls: im2colConvolution(shape, form, a, b, out: out)
          + biasActivation(
            out, rows: shape.examples * shape.outputHeight * shape.outputWidth,
            columns: shape.filters, bias: bias, activation))
    case .oneDNN:
      if Self.hasThinConvolution(shape) {
        return ConvolutionCalls(
          calls: thinConvolution(shape, form, a, b, out: out, bias: bias, activation: activation))
      }
      return try oneDNNConvolution(
        shape, form, a, b, out: out, kernelIdentifier: kernelIdentifier,
        leavesPacked: leavesPacked, bias: bias, activation: activation)
    }
  }

  private func oneDNNConvolution(
    _ shape: ConvolutionKernel, _ form: ConvolutionForm, _ a: UnsafePointer<Float>,
    _ b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, kernelIdentifier: Int?,
    leavesPacked: Bool, bias: UnsafePointer<Float>?, activation: KernelActivation
  ) throws(KernelError) -> ConvolutionCalls {
    #if ONEDNN
      var description = odnn_convolution(shape, form)
      description.has_bias = bias == nil ? 0 : 1
      var follows: [KernelCall] = []
      if let (code, slope) = activation.libraryCode {
        (description.activation, description.slope) = (code, slope)
      } else {
        follows = biasActivation(
          out, rows: shape.examples * shape.outputHeight * shape.outputWidth,
          columns: shape.filters, bias: nil, activation)
      }
      let (image, result): (UnsafePointer<Float>, UnsafePointer<Float>) =
        switch form {
        case .forward: (a, UnsafePointer(out))
        case .inputGradient: (UnsafePointer(out), a)
        case .kernelGradient: (a, b)
        }
      let call = libraryCall()
      var bytes: Int64 = 0
      var name = [CChar](repeating: 0, count: 64)
      let status = odnn_convolution_create(
        &context, &description, image, result, bias, call, &bytes, &name)
      let what = "a \(form) convolution of \(shape)"
      try finish(
        call, status: status, scratchBytes: bytes, implementation: name, what: what)

      switch form {
      case .kernelGradient:
        // Read before the next gradient is computed: one piece of memory serves all.
        let packed = sharedPackedGradient(bytes: Int(odnn_call_kernel_bytes(call)))
        try check(odnn_call_set_kernel(&context, call, packed), what)
        var strides: (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)
        let isBlocked = withUnsafeMutableBytes(of: &strides) { bytes in
          odnn_call_kernel_blocks(call, bytes.baseAddress?.assumingMemoryBound(to: Int64.self))
        }
        if leavesPacked, isBlocked != 0 {
          let count = shape.kernelHeight * shape.kernelWidth * shape.channels * shape.filters
          let gradient = PackedGradient(
            pointer: packed.bindMemory(to: Float.self, capacity: count),
            strides: (Int(strides.0), Int(strides.1), Int(strides.2), Int(strides.3)))
          return ConvolutionCalls(
            calls: [KernelCall(odnn_execute, call)], packedGradient: gradient)
        }
        let unpack = try reorder(&description, call, packed, out, unpacks: true, what)
        return ConvolutionCalls(calls: [KernelCall(odnn_execute, call), unpack])
      case .forward, .inputGradient:
        let key = kernelIdentifier.map {
          PackedKernel(identifier: $0, shape: shape, form: form)
        }
        if let key, let packed = packedKernels[key] {
          try check(odnn_call_set_kernel(&context, call, packed), what)
          return ConvolutionCalls(calls: [KernelCall(odnn_execute, call)] + follows)
        }
        let packed = try packedMemory(call, what)
        let pack = try reorder(
          &description, call, UnsafeMutableRawPointer(mutating: b), packed, unpacks: false, what)
        let calls = [KernelCall(odnn_execute, call)] + follows
        guard let key else { return ConvolutionCalls(calls: [pack] + calls) }
        packedKernels[key] = packed
        return ConvolutionCalls(preparation: [pack], calls: calls)
      }
    #else
      throw .backendMissing(.oneDNN)
    #endif
  }

  #if ONEDNN
    private func check(_ status: Int32, _ what: String) throws(KernelError) {
      if status != 0 { throw .oneDNN(status: status, what: what) }
    }

    /// Memory for the packed kernel of a call, which is given to it.
    private func packedMemory(
      _ call: UnsafeMutablePointer<odnn_call>, _ what: String
    ) throws(KernelError) -> UnsafeMutableRawPointer {
      let bytes = Int(odnn_call_kernel_bytes(call))
      let floats = (bytes + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride
      let memory = UnsafeMutableRawPointer(allocate(count: floats))
      try check(odnn_call_set_kernel(&context, call, memory), what)
      return memory
    }

    /// Copies a kernel between the plain order and that of `call`.
    private func reorder(
      _ shape: inout odnn_convolution, _ call: UnsafeMutablePointer<odnn_call>,
      _ source: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer, unpacks: Bool,
      _ what: String
    ) throws(KernelError) -> KernelCall {
      let copy = libraryCall()
      var bytes: Int64 = 0
      var name = [CChar](repeating: 0, count: 64)
      let status = odnn_kernel_reorder_create(
        &context, &shape, call, source, target, unpacks ? 1 : 0, copy, &bytes, &name)
      try finish(
        copy, status: status, scratchBytes: bytes, implementation: name,
        what: "the kernel of \(what)")
      return KernelCall(odnn_execute, copy)
    }
  #endif
}

#if ONEDNN
  extension odnn_convolution {
    fileprivate init(_ shape: ConvolutionKernel, _ form: ConvolutionForm) {
      self.init()
      (examples, channels, filters) = (
        Int64(shape.examples), Int64(shape.channels), Int64(shape.filters)
      )
      (height, width) = (Int64(shape.height), Int64(shape.width))
      (kernel_height, kernel_width) = (Int64(shape.kernelHeight), Int64(shape.kernelWidth))
      (stride_height, stride_width) = (Int64(shape.strideHeight), Int64(shape.strideWidth))
      (top, left) = (Int64(shape.top), Int64(shape.left))
      // No padding that no window reaches.
      let reach = { (outputs: Int, stride: Int, kernel: Int, image: Int, low: Int) in
        Int64(max((outputs - 1) * stride + kernel - image - low, 0))
      }
      bottom = reach(
        shape.outputHeight, shape.strideHeight, shape.kernelHeight, shape.height, shape.top)
      right = reach(
        shape.outputWidth, shape.strideWidth, shape.kernelWidth, shape.width, shape.left)
      switch form {
      case .forward: self.form = Int32(ODNN_FORWARD.rawValue)
      case .inputGradient: self.form = Int32(ODNN_INPUT_GRADIENT.rawValue)
      case .kernelGradient: self.form = Int32(ODNN_KERNEL_GRADIENT.rawValue)
      }
    }
  }
#endif
