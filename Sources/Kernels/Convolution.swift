/// The shape of a two-dimensional convolution (cross-correlation, as frameworks define it).
///
///     y[n, i, j, f] = Σ over u, v, c of
///       x[n, i·strideHeight + u − top, j·strideWidth + v − left, c] · kernel[u, v, c, f]
///
/// with x [examples, height, width, channels], kernel [kernelHeight, kernelWidth, channels,
/// filters] and y [examples, outputHeight, outputWidth, filters]; x is zero outside.
package struct ConvolutionKernel: Hashable, Sendable {
  package var examples, height, width, channels: Int
  package var kernelHeight, kernelWidth, filters: Int
  package var strideHeight, strideWidth: Int
  /// Rows and columns of zeros around x.
  package var top, left, bottom, right: Int

  package init(
    examples: Int, height: Int, width: Int, channels: Int, kernelHeight: Int, kernelWidth: Int,
    filters: Int, strideHeight: Int, strideWidth: Int, top: Int, left: Int, bottom: Int, right: Int
  ) {
    (self.examples, self.height, self.width) = (examples, height, width)
    (self.channels, self.filters) = (channels, filters)
    (self.kernelHeight, self.kernelWidth) = (kernelHeight, kernelWidth)
    (self.strideHeight, self.strideWidth) = (strideHeight, strideWidth)
    (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
  }

  package var outputHeight: Int { (height + top + bottom - kernelHeight) / strideHeight + 1 }
  package var outputWidth: Int { (width + left + right - kernelWidth) / strideWidth + 1 }
}

/// Which of the three tensors of a convolution is computed from the other two.
package enum ConvolutionForm: Hashable, Sendable {
  /// (x, kernel) → y
  case forward
  /// (dy, kernel) → dx; a transposed convolution, where it is used forwards.
  case inputGradient
  /// (x, dy) → the kernel's gradient
  case kernelGradient
}
