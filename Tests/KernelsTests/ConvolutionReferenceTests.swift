import Kernels
import TestSupport
import Testing

/// The oracle's own oracles: cases done by hand, adjoints, and an identity between operations.
struct ConvolutionReferenceTests {
  private func tensor(_ shape: [Int], _ numbers: inout SeededNumbers) -> DoubleTensor {
    let values = (0..<shape.reduce(1, *)).map { _ in Double.random(in: -2...2, using: &numbers) }
    return DoubleTensor(shape: shape, values: values)
  }

  private func inner(_ a: DoubleTensor, _ b: DoubleTensor) -> Double {
    #expect(a.shape == b.shape)
    return zip(a.values, b.values).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private func expectEqual(
    _ a: DoubleTensor, _ b: DoubleTensor, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(a.shape == b.shape, sourceLocation: sourceLocation)
    let isClose = zip(a.values, b.values).allSatisfy { abs($0 - $1) < 1e-12 }
    #expect(isClose, sourceLocation: sourceLocation)
  }

  /// Stride 2, a zero below and to the right: TensorFlow's "same" of an even image.
  @Test func aSmallConvolutionIsTheOneDoneByHand() {
    let shape = ConvolutionKernel(
      examples: 1, height: 4, width: 4, channels: 1, kernelHeight: 3, kernelWidth: 3, filters: 2,
      strideHeight: 2, strideWidth: 2, top: 0, left: 0, bottom: 1, right: 1)
    let x = DoubleTensor(shape: [1, 4, 4, 1], values: (1...16).map(Double.init))
    // The first filter sums, the second takes the window's last pixel.
    let kernel = DoubleTensor(
      shape: [3, 3, 1, 2], values: (0..<9).flatMap { [1, $0 == 8 ? 1 : 0] })
    let y = Reference.convolution(x, kernel, shape, form: .forward)
    #expect(y.shape == [1, 2, 2, 2])
    #expect(y.values == [54, 11, 45, 0, 72, 0, 54, 0])
  }

  static let shapes = [
    // Few and many channels and filters, which are summed by loops of their own.
    (1, 5, 2, 3, 2, 1), (2, 6, 9, 3, 10, 2), (2, 5, 17, 2, 2, 1), (1, 7, 2, 4, 9, 3),
  ].map { examples, extent, channels, kernel, filters, stride in
    ConvolutionKernel(
      examples: examples, height: extent, width: extent + 1, channels: channels,
      kernelHeight: kernel, kernelWidth: 2, filters: filters, strideHeight: stride,
      strideWidth: 2, top: 1, left: 2, bottom: 0, right: 1)
  }

  /// The sum over taps as the formula has it.
  private func convolved(
    _ x: DoubleTensor, _ kernel: DoubleTensor, _ shape: ConvolutionKernel
  ) -> DoubleTensor {
    let padded = Reference.pad(
      x, low: [0, shape.top, shape.left, 0], high: [0, shape.bottom, shape.right, 0])
    var y = DoubleTensor(shape: shape.outputShape)
    var position = 0
    for n in 0..<shape.examples {
      for i in 0..<shape.outputHeight {
        for j in 0..<shape.outputWidth {
          let (top, left) = (i * shape.strideHeight, j * shape.strideWidth)
          let patch = Reference.slice(
            padded, from: [n, top, left, 0],
            to: [n + 1, top + shape.kernelHeight, left + shape.kernelWidth, shape.channels])
          let matrix = DoubleTensor(
            shape: [patch.values.count, shape.filters], values: kernel.values)
          let row = DoubleTensor(shape: [1, patch.values.count], values: patch.values)
          for value in Reference.product(row, matrix, form: .plain).values {
            y.values[position] = value
            position += 1
          }
        }
      }
    }
    return y
  }

  /// ⟨dy, conv(x, k)⟩ is linear in x and in k: the gradients are its transposes.
  @Test(arguments: shapes)
  func theThreeFormsAreOneBilinearFunction(_ shape: ConvolutionKernel) {
    var numbers = SeededNumbers(seed: shape.channels)
    let x = tensor(shape.inputShape, &numbers)
    let kernel = tensor(shape.kernelShape, &numbers)
    let dy = tensor(shape.outputShape, &numbers)
    let y = Reference.convolution(x, kernel, shape, form: .forward)
    expectEqual(y, convolved(x, kernel, shape))
    let whole = inner(dy, y)
    let dx = Reference.convolution(dy, kernel, shape, form: .inputGradient)
    #expect(abs(inner(dx, x) - whole) < 1e-10)
    let dkernel = Reference.convolution(x, dy, shape, form: .kernelGradient)
    #expect(abs(inner(dkernel, kernel) - whole) < 1e-10)
  }

  /// Doubling an image and convolving it is a transposed convolution with the upscaled kernel.
  @Test func anUpscaledKernelReplacesTheUpscaledImage() {
    var numbers = SeededNumbers(seed: 1)
    let (height, width, channels, filters) = (3, 5, 2, 3)
    let x = tensor([2, height, width, channels], &numbers)
    let w = tensor([3, 3, channels, filters], &numbers)
    let upscaled = Reference.resize(x, height: 2 * height, width: 2 * width, method: .nearest)
    let plain = Reference.convolution(
      upscaled, w,
      ConvolutionKernel(
        examples: 2, height: 2 * height, width: 2 * width, channels: channels, kernelHeight: 3,
        kernelWidth: 3, filters: filters, strideHeight: 1, strideWidth: 1, top: 1, left: 1,
        bottom: 1, right: 1), form: .forward)
    let transposed = Reference.convolution(
      x, Reference.upscaledKernel(w),
      ConvolutionKernel(
        examples: 2, height: 2 * height, width: 2 * width, channels: filters, kernelHeight: 4,
        kernelWidth: 4, filters: channels, strideHeight: 2, strideWidth: 2, top: 1, left: 1,
        bottom: 1, right: 1), form: .inputGradient)
    expectEqual(plain, transposed)

    let dk = tensor([4, 4, filters, channels], &numbers)
    let gradient = Reference.upscaledKernelGradient(dk)
    #expect(abs(inner(gradient, w) - inner(dk, Reference.upscaledKernel(w))) < 1e-10)
  }

  @Test func nearestPixelsAreRoundedDown() {
    let x = DoubleTensor(shape: [3, 2, 1], values: [1, 2, 3, 4, 5, 6])
    let y = Reference.resize(x, height: 5, width: 4, method: .nearest)
    #expect(y.shape == [5, 4, 1])
    let rows: [[Double]] = [[1, 1, 2, 2], [3, 3, 4, 4], [5, 5, 6, 6]]
    #expect(y.values == rows[0] + rows[0] + rows[1] + rows[1] + rows[2])
  }

  /// tf.image.resize([0, 1, 2], method="bilinear") along one axis, to 6 and to 2 pixels.
  @Test func bilinearPixelsAreThoseOfTensorFlow() {
    let x = DoubleTensor(shape: [1, 3, 1], values: [0, 1, 2])
    let wide = Reference.resize(x, height: 1, width: 6, method: .bilinear)
    expectEqual(wide, DoubleTensor(shape: [1, 6, 1], values: [0, 0.25, 0.75, 1.25, 1.75, 2]))
    let narrow = Reference.resize(x, height: 1, width: 2, method: .bilinear)
    expectEqual(narrow, DoubleTensor(shape: [1, 2, 1], values: [0.25, 1.75]))
    let tall = Reference.resize(
      DoubleTensor(shape: [1, 3, 1, 1], values: [0, 1, 2]), height: 6, width: 2, method: .bilinear)
    #expect(tall.values == wide.values.flatMap { [$0, $0] })
  }

  @Test(arguments: [ResizeKernel.nearest, .bilinear])
  func resizingsGradientIsItsTranspose(_ method: ResizeKernel) {
    var numbers = SeededNumbers(seed: 2)
    for (height, width) in [(7, 3), (2, 9), (5, 4)] {
      let x = tensor([2, 2, 5, 4, 3], &numbers)
      let dy = tensor([2, 2, height, width, 3], &numbers)
      let y = Reference.resize(x, height: height, width: width, method: method)
      let dx = Reference.resizeGradient(dy, height: 5, width: 4, method: method)
      #expect(abs(inner(dy, y) - inner(dx, x)) < 1e-10)
    }
  }

  @Test func poolingTakesMeansAndItsGradientSpreadsThem() {
    let x = DoubleTensor(shape: [2, 4, 1], values: [1, 2, 3, 4, 5, 6, 7, 8])
    let y = Reference.averagePool(x, window: (2, 2), stride: (1, 1))
    #expect(y == DoubleTensor(shape: [1, 3, 1], values: [3.5, 4.5, 5.5]))
    var numbers = SeededNumbers(seed: 3)
    let (image, dy) = (tensor([2, 5, 6, 3], &numbers), tensor([2, 2, 4, 3], &numbers))
    let pooled = Reference.averagePool(image, window: (3, 2), stride: (2, 1))
    #expect(pooled.shape == [2, 2, 5, 3])
    let cotangent = Reference.pad(dy, low: [0, 0, 1, 0], high: [0, 0, 0, 0])
    let dx = Reference.averagePoolGradient(
      cotangent, window: (3, 2), stride: (2, 1), height: 5, width: 6)
    #expect(abs(inner(cotangent, pooled) - inner(dx, image)) < 1e-10)
  }
}
