import CKernels

extension KernelFactory {
  /// Whether `thinConvolution` can do a convolution: 3×3, strides of 1 or 2, at most one row or
  /// column of zeros on each side, 1 to 3 channels on one side and a multiple of 16 on the other.
  package static func hasThinConvolution(_ shape: ConvolutionKernel) -> Bool {
    let isNarrow = { (channels: Int) in (1...3).contains(channels) }
    let isWide = { (channels: Int) in channels > 0 && channels.isMultiple(of: 16) }
    return shape.kernelHeight == 3 && shape.kernelWidth == 3
      && [shape.strideHeight, shape.strideWidth].allSatisfy((1...2).contains)
      && [shape.top, shape.left, shape.bottom, shape.right].allSatisfy((0...1).contains)
      && shape.examples > 0 && shape.height + shape.top + shape.bottom >= 3
      && shape.width + shape.left + shape.right >= 3
      && (isNarrow(shape.channels) && isWide(shape.filters)
        || isWide(shape.channels) && isNarrow(shape.filters))
  }

  /// A convolution for which `hasThinConvolution` holds, in loops of our own: libraries waste most
  /// of a vector on one to three channels.
  ///
  /// The operands are those of `ConvolutionForm`, densely; `out` is overwritten. The results of an
  /// example have the same bits whatever examples are beside it, and the kernel's gradient is the
  /// sum of the examples' own gradients, added in their order.
  ///
  /// - Parameters:
  ///   - bias: a number a filter that is added to `forward`'s result, before the activation.
  package func thinConvolution(
    _ shape: ConvolutionKernel, _ form: ConvolutionForm, _ a: UnsafePointer<Float>,
    _ b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>,
    bias: UnsafePointer<Float>? = nil, activation: KernelActivation = .identity
  ) -> [KernelCall] {
    precondition(Self.hasThinConvolution(shape))
    precondition(form == .forward || (bias == nil && activation == .identity))
    let (code, slope) = activation.code
    var arguments = ck_thin_convolution_arguments(
      a: a, b: b, bias: bias, out: out, scratch: nil, examples: Int64(shape.examples),
      height: Int64(shape.height), width: Int64(shape.width), channels: Int64(shape.channels),
      filters: Int64(shape.filters), output_height: Int64(shape.outputHeight),
      output_width: Int64(shape.outputWidth), stride_height: Int64(shape.strideHeight),
      stride_width: Int64(shape.strideWidth), top: Int64(shape.top), left: Int64(shape.left),
      activation: Int32(code.rawValue), slope: slope)
    let floats = Int(ck_thin_convolution_scratch(&arguments))
    arguments.scratch = sharedScratch(bytes: floats * MemoryLayout<Float>.stride)
      .bindMemory(to: Float.self, capacity: floats)
    let isThinInput = shape.channels < shape.filters
    let function: KernelCall.Function =
      switch form {
      case .forward: isThinInput ? ck_thin_input_forward : ck_thin_output_forward
      case .inputGradient:
        isThinInput ? ck_thin_input_input_gradient : ck_thin_output_input_gradient
      case .kernelGradient:
        isThinInput ? ck_thin_input_kernel_gradient : ck_thin_output_kernel_gradient
      }
    return [KernelCall(function, keep(arguments))]
  }
}
