import Kernels
import TestSupport
import Testing

struct Im2colTests {
  /// Sizes of the networks, and awkward ones: kernels larger than the image, strides beyond the
  /// kernel, padding on one side, patches of one line that exceed the memory for several.
  static let shapes = [
    shape(2, (28, 28), 1, (3, 3), 32, stride: (2, 2), padding: (0, 0, 1, 1)),
    shape(3, (7, 9), 20, (3, 3), 17, stride: (1, 1), padding: (1, 1, 1, 1)),
    shape(2, (8, 8), 16, (4, 4), 8, stride: (2, 2), padding: (1, 1, 1, 1)),
    shape(1, (2, 3), 5, (3, 5), 4, stride: (1, 1), padding: (2, 3, 1, 2)),
    shape(2, (11, 6), 3, (2, 1), 7, stride: (3, 4), padding: (0, 0, 0, 0)),
    shape(1, (1, 1), 1, (1, 1), 1, stride: (1, 1), padding: (0, 0, 0, 0)),
    shape(3, (5, 5), 6, (3, 3), 64, stride: (2, 1), padding: (3, 0, 0, 4)),
    shape(3, (32, 32), 64, (3, 3), 3, stride: (1, 1), padding: (1, 1, 1, 1)),
  ]

  private static func shape(
    _ examples: Int, _ image: (Int, Int), _ channels: Int, _ kernel: (Int, Int), _ filters: Int,
    stride: (Int, Int), padding: (top: Int, left: Int, bottom: Int, right: Int)
  ) -> ConvolutionKernel {
    ConvolutionKernel(
      examples: examples, height: image.0, width: image.1, channels: channels,
      kernelHeight: kernel.0, kernelWidth: kernel.1, filters: filters, strideHeight: stride.0,
      strideWidth: stride.1, top: padding.top, left: padding.left, bottom: padding.bottom,
      right: padding.right)
  }

  @Test(arguments: shapes, [ConvolutionForm.forward, .inputGradient, .kernelGradient])
  func productsOfPatchesAgreeWithTheReference(
    _ shape: ConvolutionKernel, form: ConvolutionForm
  ) throws {
    let bench = try Workbench(.openBLAS)
    var numbers = SeededNumbers(seed: shape.channels)
    let (a, b, out) =
      switch form {
      case .forward: (shape.inputShape, shape.kernelShape, shape.outputShape)
      case .inputGradient: (shape.outputShape, shape.kernelShape, shape.inputShape)
      case .kernelGradient: (shape.inputShape, shape.outputShape, shape.kernelShape)
      }
    let left = bench.floats(numbers.floats(a.reduce(1, *)))
    let right = bench.floats(numbers.floats(b.reduce(1, *)))
    let result = bench.floats(count: out.reduce(1, *))
    let calls = bench.factory.im2colConvolution(
      shape, form, left.pointer, right.pointer, out: result.pointer)
    bench.run(calls)
    let first = result.values
    let expected = Reference.convolution(
      DoubleTensor(a, left.values), DoubleTensor(b, right.values), shape, form: form)
    // As many rounding errors as summands, most of which cancel, of sums that grow likewise.
    let summands =
      switch form {
      case .forward: shape.kernelHeight * shape.kernelWidth * shape.channels
      case .inputGradient: shape.kernelHeight * shape.kernelWidth * shape.filters
      case .kernelGradient: shape.examples * shape.outputHeight * shape.outputWidth
      }
    expectClose(first, expected.values) { _ in 4e-6 * (1 + Double(summands).squareRoot()) }
    // Nothing is left over from the first time.
    bench.run(calls)
    expectSameBits(result.values, first)
  }
}
