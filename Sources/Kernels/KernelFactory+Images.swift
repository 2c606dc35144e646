import CKernels

/// Kernels of `images` dense images [height, width, channels].
extension KernelFactory {
  package struct Images {
    package let images: Int
    package let height: Int
    package let width: Int
    package let channels: Int

    package init(images: Int, height: Int, width: Int, channels: Int) {
      self.images = images
      self.height = height
      self.width = width
      self.channels = channels
    }
  }

  /// out, of `height` × `width`, from x.
  package func resize(
    _ x: UnsafePointer<Float>, _ images: Images, height: Int, width: Int, method: ResizeKernel,
    out: UnsafeMutablePointer<Float>
  ) -> KernelCall {
    KernelCall(ck_resize, resizeArguments(x, images, height: height, width: width, method, out))
  }

  /// The transpose of `resize`: dx, of the shape `images`, from dy, of `height` × `width`.
  package func resizeGradient(
    _ dy: UnsafePointer<Float>, _ images: Images, height: Int, width: Int, method: ResizeKernel,
    dx: UnsafeMutablePointer<Float>
  ) -> KernelCall {
    KernelCall(
      ck_resize_gradient, resizeArguments(dy, images, height: height, width: width, method, dx))
  }

  private func resizeArguments(
    _ a: UnsafePointer<Float>, _ images: Images, height: Int, width: Int, _ method: ResizeKernel,
    _ out: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<ck_resize_arguments> {
    let taps = { (input: Int, output: Int) in
      self.keep(
        array: (0..<output).map { index in
          let (first, second, weight) = method.taps(index, from: input, to: output)
          return ck_tap(first: Int32(first), second: Int32(second), weight: Float(weight))
        })
    }
    return UnsafePointer(
      keep(
        ck_resize_arguments(
          a: a, out: out, rows: taps(images.height, height), columns: taps(images.width, width),
          images: Int64(images.images), in_height: Int64(images.height),
          in_width: Int64(images.width), out_height: Int64(height), out_width: Int64(width),
          channels: Int64(images.channels), copies: method == .nearest ? 1 : 0)))
  }

  /// The mean of each window of x, without padding.
  package func averagePool(
    _ x: UnsafePointer<Float>, _ images: Images, window: (height: Int, width: Int),
    stride: (height: Int, width: Int), out: UnsafeMutablePointer<Float>
  ) -> KernelCall {
    KernelCall(ck_average_pool, poolArguments(x, images, window, stride, out))
  }

  /// The transpose of `averagePool`: dx, of the shape `images`, from the cotangent of its result.
  package func averagePoolGradient(
    _ dy: UnsafePointer<Float>, _ images: Images, window: (height: Int, width: Int),
    stride: (height: Int, width: Int), dx: UnsafeMutablePointer<Float>
  ) -> KernelCall {
    KernelCall(ck_average_pool_gradient, poolArguments(dy, images, window, stride, dx))
  }

  private func poolArguments(
    _ a: UnsafePointer<Float>, _ images: Images, _ window: (height: Int, width: Int),
    _ stride: (height: Int, width: Int), _ out: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<ck_average_pool_arguments> {
    UnsafePointer(
      keep(
        ck_average_pool_arguments(
          a: a, out: out, images: Int64(images.images), in_height: Int64(images.height),
          in_width: Int64(images.width),
          out_height: Int64((images.height - window.height) / stride.height + 1),
          out_width: Int64((images.width - window.width) / stride.width + 1),
          channels: Int64(images.channels), window_height: Int64(window.height),
          window_width: Int64(window.width), stride_height: Int64(stride.height),
          stride_width: Int64(stride.width))))
  }

  /// The kernel out [4, 4, filters, channels] whose transposed convolution of stride 2 does what
  /// doubling an image and convolving it with w [3, 3, channels, filters] do: see
  /// `Reference.upscaledKernel`.
  package func upscaledKernel(
    _ w: UnsafePointer<Float>, channels: Int, filters: Int, out: UnsafeMutablePointer<Float>
  ) -> KernelCall {
    upscaledKernel(
      ck_upscaled_kernel, w, channels, filters, out,
      (3 * channels * filters, channels * filters, 16 * filters, filters, 16))
  }

  /// The transpose of `upscaledKernel`: from dk [4, 4, filters, channels] to dw
  /// [3, 3, channels, filters].
  package func upscaledKernelGradient(
    _ dk: UnsafePointer<Float>, channels: Int, filters: Int, dw: UnsafeMutablePointer<Float>
  ) -> KernelCall {
    upscaledKernel(
      ck_upscaled_kernel_gradient, dk, channels, filters, dw,
      (4 * channels * filters, channels * filters, 16 * channels, channels, 16))
  }

  /// The same from a gradient that was left packed.
  package func upscaledKernelGradient(
    _ dk: PackedGradient, channels: Int, filters: Int, dw: UnsafeMutablePointer<Float>
  ) -> KernelCall {
    // The big image's channels are the small one's filters: rows of the packed gradient.
    let strides = dk.strides
    return upscaledKernel(
      ck_upscaled_kernel_gradient, dk.pointer, channels, filters, dw,
      (strides.height, strides.width, strides.channels, PackedGradient.block, strides.filters))
  }

  private func upscaledKernel(
    _ function: @escaping KernelCall.Function, _ a: UnsafePointer<Float>, _ channels: Int,
    _ filters: Int, _ out: UnsafeMutablePointer<Float>, _ strides: (Int, Int, Int, Int, Int)
  ) -> KernelCall {
    KernelCall(
      function,
      keep(
        ck_upscaled_kernel_arguments(
          a: a, out: out, i: Int64(channels), o: Int64(filters),
          strides: (
            Int64(strides.0), Int64(strides.1), Int64(strides.2), Int64(strides.3),
            Int64(strides.4)
          ))))
  }
}
