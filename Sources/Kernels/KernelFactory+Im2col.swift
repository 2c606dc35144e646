import CKernels
import COpenBLAS

extension KernelFactory {
  /// Patches of at most this many bytes are multiplied at a time, or those of a single line.
  private static var patchBytes: Int { 4 << 20 }

  /// One of the three forms of a convolution as products of OpenBLAS, with the patches of the image
  /// that the kernel meets as rows; see `ConvolutionForm` for the operands. `out` is overwritten.
  ///
  /// As many output lines as fit into `patchBytes` are one product. A kernel's gradient is added up
  /// in their order. OpenBLAS rounds a row of a product differently among other numbers of rows, so
  /// that an example's bits are the same only in calls with the same number of examples, at the same
  /// place among them.
  package func im2colConvolution(
    _ shape: ConvolutionKernel, _ form: ConvolutionForm, _ a: UnsafePointer<Float>,
    _ b: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>
  ) -> [KernelCall] {
    let lines = shape.examples * shape.outputHeight
    let linePatches = shape.outputWidth * shape.patchCount
    let linesTogether = max(
      1, min(lines, Self.patchBytes / (linePatches * MemoryLayout<Float>.stride)))
    let patches = sharedScratch(
      bytes: linesTogether * linePatches * MemoryLayout<Float>.stride
    ).bindMemory(to: Float.self, capacity: linesTogether * linePatches)
    let (k, n) = (Int32(shape.patchCount), Int32(shape.filters))

    var calls: [KernelCall] = []
    if form == .inputGradient {
      let count = shape.examples * shape.height * shape.width * shape.channels
      calls.append(fill(out, count: count, 0))
    }
    for first in stride(from: 0, to: lines, by: linesTogether) {
      let count = min(linesTogether, lines - first)
      let rows = Int32(count * shape.outputWidth)
      let before = first * shape.outputWidth * shape.filters
      func gather() -> KernelCall {
        let image = UnsafeMutablePointer(mutating: a)
        return KernelCall(
          ck_gather_patches, keep(shape.patches(image, patches, firstLine: first, lines: count)))
      }
      switch form {
      case .forward:
        let product = oblas_product(
          transposes_a: 0, transposes_b: 0, m: rows, n: n, k: k, a_stride: k, b_stride: n,
          accumulates: 0, a: patches, b: b, out: out + before)
        calls += [gather(), KernelCall(oblas_multiply, keep(product))]
      case .inputGradient:
        let product = oblas_product(
          transposes_a: 0, transposes_b: 1, m: rows, n: k, k: n, a_stride: n, b_stride: n,
          accumulates: 0, a: a + before, b: b, out: patches)
        calls += [
          KernelCall(oblas_multiply, keep(product)),
          KernelCall(
            ck_scatter_patches, keep(shape.patches(out, patches, firstLine: first, lines: count))),
        ]
      case .kernelGradient:
        let product = oblas_product(
          transposes_a: 1, transposes_b: 0, m: k, n: n, k: rows, a_stride: k, b_stride: n,
          accumulates: first == 0 ? 0 : 1, a: patches, b: b + before, out: out)
        calls += [gather(), KernelCall(oblas_multiply, keep(product))]
      }
    }
    return calls
  }
}

extension ConvolutionKernel {
  /// The numbers of the image that meet the kernel at one pixel of the output.
  fileprivate var patchCount: Int { kernelHeight * kernelWidth * channels }

  fileprivate func patches(
    _ image: UnsafeMutablePointer<Float>, _ patches: UnsafeMutablePointer<Float>, firstLine: Int,
    lines: Int
  ) -> ck_patches_arguments {
    ck_patches_arguments(
      image: image, patches: patches, height: Int64(height), width: Int64(width),
      channels: Int64(channels), kernel_height: Int64(kernelHeight),
      kernel_width: Int64(kernelWidth), stride_height: Int64(strideHeight),
      stride_width: Int64(strideWidth), top: Int64(top), left: Int64(left),
      out_height: Int64(outputHeight), out_width: Int64(outputWidth), first_line: Int64(firstLine),
      lines: Int64(lines))
  }
}
