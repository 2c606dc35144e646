import Kernels
import TestSupport
import Testing

/// `KernelFactory.convolution` of each library, for the networks' shapes and for awkward ones, against the float64 reference.
struct ConvolutionTests {
  private static func shape(
    _ examples: Int, _ image: Int, _ channels: Int, _ kernel: (Int, Int), _ filters: Int,
    stride: Int, _ padding: (before: Int, after: Int)
  ) -> ConvolutionKernel {
    ConvolutionKernel(
      examples: examples, height: image, width: image, channels: channels, kernelHeight: kernel.0,
      kernelWidth: kernel.1, filters: filters, strideHeight: stride, strideWidth: stride,
      top: padding.before, left: padding.before, bottom: padding.after, right: padding.after)
  }

  /// Of `dcgan`, with fewer examples than are trained.
  static let networkShapes = [
    // The generator's, upscaled: 128 → 128, 128 → 64, and its last.
    shape(2, 14, 128, (4, 4), 128, stride: 2, (1, 1)),
    shape(1, 28, 64, (4, 4), 128, stride: 2, (1, 1)),
    shape(2, 28, 64, (3, 3), 1, stride: 1, (1, 1)),
    shape(1, 32, 64, (3, 3), 3, stride: 1, (1, 1)),
    // As they are written.
    shape(1, 14, 128, (3, 3), 128, stride: 1, (1, 1)),
    // The discriminator's of the Keras layout.
    shape(3, 28, 1, (3, 3), 32, stride: 2, (0, 1)),
    shape(1, 64, 3, (3, 3), 32, stride: 2, (0, 1)),
    shape(2, 14, 32, (3, 3), 64, stride: 2, (0, 1)),
    shape(2, 17, 64, (3, 3), 128, stride: 2, (1, 1)),
    shape(3, 4, 128, (3, 3), 256, stride: 1, (1, 1)),
    // And of the PyTorch layout.
    shape(2, 32, 1, (3, 3), 16, stride: 2, (1, 1)),
    shape(2, 16, 16, (3, 3), 32, stride: 2, (1, 1)),
    shape(3, 4, 64, (3, 3), 128, stride: 2, (1, 1)),
  ]

  static let awkwardShapes = [
    shape(2, 9, 7, (1, 1), 5, stride: 1, (0, 0)),
    shape(1, 10, 16, (1, 1), 16, stride: 3, (0, 0)),
    shape(2, 8, 7, (5, 4), 9, stride: 1, (2, 1)),
    shape(2, 11, 7, (3, 3), 7, stride: 3, (1, 0)),
    shape(1, 7, 3, (4, 4), 33, stride: 3, (2, 3)),
    shape(1, 5, 17, (5, 5), 1, stride: 1, (0, 0)),
    // Zeros behind the image that no window reaches.
    shape(2, 6, 8, (3, 3), 8, stride: 4, (0, 1)),
    shape(1, 1, 1, (3, 3), 2, stride: 1, (1, 1)),
  ]

  private static let forms = [ConvolutionForm.forward, .inputGradient, .kernelGradient]

  private struct Operands {
    let a, b, out: GuardedFloats

    init(
      _ bench: Workbench, _ shape: ConvolutionKernel, _ form: ConvolutionForm,
      _ numbers: inout SeededNumbers
    ) {
      let (a, b, out) = shape.operandShapes(form)
      self.a = bench.floats(numbers.floats(a.reduce(1, *)))
      self.b = bench.floats(numbers.floats(b.reduce(1, *)))
      self.out = bench.floats(count: out.reduce(1, *))
    }

    func expected(_ shape: ConvolutionKernel, _ form: ConvolutionForm) -> DoubleTensor {
      let (a, b, _) = shape.operandShapes(form)
      return Reference.convolution(
        DoubleTensor(a, self.a.values), DoubleTensor(b, self.b.values), shape, form: form)
    }
  }

  @Test(arguments: networkShapes + awkwardShapes, presentBackends)
  func theThreeFormsAgreeWithTheReference(
    _ shape: ConvolutionKernel, _ backend: MatrixBackend
  ) throws {
    var numbers = SeededNumbers(seed: shape.height + shape.filters)
    for form in Self.forms {
      let bench = try Workbench(backend)
      let operands = Operands(bench, shape, form, &numbers)
      let calls = try bench.factory.convolution(
        shape, form, operands.a.pointer, operands.b.pointer, out: operands.out.pointer)
      bench.run(calls.preparation + calls.calls)
      let tolerance = shape.tolerance(form)
      expectClose(
        operands.out.values, operands.expected(shape, form).values, tolerance: { _ in tolerance },
        "\(form)")
    }
  }

  @Test(arguments: [networkShapes[2], networkShapes[7], awkwardShapes[2]], presentBackends)
  func biasAndActivationFollow(_ shape: ConvolutionKernel, _ backend: MatrixBackend) throws {
    var numbers = SeededNumbers(seed: 11)
    for activation in allActivations {
      let bench = try Workbench(backend)
      let operands = Operands(bench, shape, .forward, &numbers)
      let bias = bench.floats(numbers.floats(shape.filters))
      let calls = try bench.factory.convolution(
        shape, .forward, operands.a.pointer, operands.b.pointer, out: operands.out.pointer,
        bias: UnsafePointer(bias.pointer), activation: activation)
      bench.run(calls.preparation + calls.calls)
      let sum = Reference.elementwise(
        .add, [operands.expected(shape, .forward), DoubleTensor([shape.filters], bias.values)],
        shape: shape.outputShape)
      let expected = Reference.elementwise(activation.function, [sum], shape: sum.shape)
      let tolerance = shape.tolerance(.forward)
      expectClose(
        operands.out.values, expected.values, tolerance: { _ in tolerance }, "\(activation)")
    }
  }

  /// A kernel is packed by whoever asks first; a change of its numbers is seen when the preparation is
  /// run again, as every step does.
  @Test(arguments: [ConvolutionForm.forward, .inputGradient], presentBackends)
  func kernelsArePackedOnce(_ form: ConvolutionForm, _ backend: MatrixBackend) throws {
    let shape = Self.networkShapes[7]
    var numbers = SeededNumbers(seed: 12)
    let bench = try Workbench(backend)
    let first = Operands(bench, shape, form, &numbers)
    let second = Operands(bench, shape, form, &numbers)
    func calls(_ operands: Operands) throws -> ConvolutionCalls {
      try bench.factory.convolution(
        shape, form, operands.a.pointer, first.b.pointer, out: operands.out.pointer,
        kernelIdentifier: 1)
    }
    let (one, two) = (try calls(first), try calls(second))
    #expect(two.preparation.isEmpty)
    let other = try bench.factory.convolution(
      shape, form, first.a.pointer, second.b.pointer,
      out: bench.floats(
        count: first.out.count
      ).pointer, kernelIdentifier: 2)
    #expect(other.preparation.count == one.preparation.count)

    for _ in 0..<2 {
      let changed = numbers.floats(first.b.count)
      first.b.pointer.update(from: changed, count: changed.count)
      bench.run(one.preparation + one.calls + two.calls)
      for operands in [first, second] {
        let (a, b, _) = shape.operandShapes(form)
        let expected = Reference.convolution(
          DoubleTensor(a, operands.a.values), DoubleTensor(b, changed), shape, form: form)
        let tolerance = shape.tolerance(form)
        expectClose(operands.out.values, expected.values) { _ in tolerance }
      }
    }
  }

  /// What `ordered` rests on, where replicas are taken one by one: the same call gives the same bits.
  @Test(arguments: forms, presentBackends)
  func aSecondTimeGivesTheSameBits(_ form: ConvolutionForm, _ backend: MatrixBackend) throws {
    for shape in [Self.networkShapes[1], Self.awkwardShapes[3]] {
      var numbers = SeededNumbers(seed: 13)
      let bench = try Workbench(backend)
      let operands = Operands(bench, shape, form, &numbers)
      let calls = try bench.factory.convolution(
        shape, form, operands.a.pointer, operands.b.pointer, out: operands.out.pointer)
      bench.run(calls.preparation + calls.calls)
      let first = operands.out.values
      bench.run(calls.preparation + calls.calls)
      expectSameBits(operands.out.values, first)
    }
  }
}

extension ConvolutionKernel {
  fileprivate func operandShapes(_ form: ConvolutionForm) -> (a: [Int], b: [Int], out: [Int]) {
    switch form {
    case .forward: (inputShape, kernelShape, outputShape)
    case .inputGradient: (outputShape, kernelShape, inputShape)
    case .kernelGradient: (inputShape, outputShape, kernelShape)
    }
  }

  /// As many rounding errors as summands, each of a partial sum; for n products of numbers in
  /// [−2, 2], some 5e-8·n.
  fileprivate func tolerance(_ form: ConvolutionForm) -> Double {
    let summands =
      switch form {
      case .forward: kernelHeight * kernelWidth * channels
      case .inputGradient: kernelHeight * kernelWidth * filters
      case .kernelGradient: examples * outputHeight * outputWidth
      }
    return 4e-6 + 3e-7 * Double(summands)
  }
}
