import Kernels
import TestSupport
import Testing

struct ThinConvolutionTests {
  static let forms: [ConvolutionForm] = [.forward, .inputGradient, .kernelGradient]

  /// All that a shape has besides its channels.
  struct Geometry: CustomTestStringConvertible {
    let height, width, strideHeight, strideWidth, top, left, bottom, right: Int

    init(
      _ height: Int, _ width: Int, stride: (Int, Int), top: Int, left: Int, bottom: Int, right: Int
    ) {
      (self.height, self.width) = (height, width)
      (strideHeight, strideWidth) = stride
      (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
    }

    var testDescription: String {
      "\(height)×\(width), stride \(strideHeight)×\(strideWidth), zeros \(top) \(left) \(bottom) "
        + "\(right)"
    }
  }

  /// The networks' sizes, images smaller than the kernel, tiles that fit and tiles that overlap.
  static let geometries = [
    Geometry(1, 1, stride: (1, 1), top: 1, left: 1, bottom: 1, right: 1),
    Geometry(2, 3, stride: (1, 1), top: 1, left: 0, bottom: 0, right: 1),
    Geometry(2, 3, stride: (2, 2), top: 1, left: 1, bottom: 1, right: 1),
    Geometry(3, 3, stride: (1, 1), top: 0, left: 0, bottom: 0, right: 0),
    Geometry(4, 6, stride: (2, 2), top: 0, left: 0, bottom: 0, right: 0),
    Geometry(7, 9, stride: (1, 2), top: 1, left: 1, bottom: 0, right: 0),
    Geometry(9, 7, stride: (2, 1), top: 0, left: 0, bottom: 1, right: 1),
    Geometry(5, 17, stride: (1, 1), top: 0, left: 1, bottom: 1, right: 0),
    Geometry(28, 28, stride: (1, 1), top: 1, left: 1, bottom: 1, right: 1),
    Geometry(28, 28, stride: (2, 2), top: 0, left: 0, bottom: 1, right: 1),
    Geometry(28, 28, stride: (2, 2), top: 1, left: 1, bottom: 1, right: 1),
    Geometry(32, 32, stride: (2, 2), top: 1, left: 1, bottom: 0, right: 0),
    Geometry(33, 31, stride: (1, 1), top: 1, left: 1, bottom: 1, right: 1),
    Geometry(33, 31, stride: (2, 2), top: 1, left: 1, bottom: 1, right: 1),
    Geometry(33, 31, stride: (2, 2), top: 0, left: 1, bottom: 0, right: 0),
  ]

  /// (channels, filters): each thin side, each remainder of vectors on the wide side.
  static let channels = [
    (1, 16), (2, 48), (3, 32), (1, 64), (2, 16), (3, 48), (16, 3), (48, 2), (32, 1), (64, 3),
    (16, 2), (48, 1),
  ]

  private static func shape(
    _ geometry: Geometry, examples: Int, channels: Int, filters: Int
  ) -> ConvolutionKernel {
    ConvolutionKernel(
      examples: examples, height: geometry.height, width: geometry.width, channels: channels,
      kernelHeight: 3, kernelWidth: 3, filters: filters, strideHeight: geometry.strideHeight,
      strideWidth: geometry.strideWidth, top: geometry.top, left: geometry.left,
      bottom: geometry.bottom, right: geometry.right)
  }

  @Test(arguments: geometries, channels)
  func allFormsAgreeWithPlainLoops(
    geometry: Geometry, channels: (channels: Int, filters: Int)
  ) throws {
    let shape = Self.shape(
      geometry, examples: 2, channels: channels.channels, filters: channels.filters)
    try #require(KernelFactory.hasThinConvolution(shape))
    for form in Self.forms {
      let bench = try Workbench()
      let operands = Operands(bench, shape, form)
      let out = bench.floats(count: operands.count(of: form.result))
      bench.run(
        bench.factory.thinConvolution(
          shape, form, operands.a.pointer, operands.b.pointer, out: out.pointer))
      let (expected, magnitudes) = operands.plainResult
      expectClose(
        out.values, expected, tolerance: { 0.5e-5 * (magnitudes[$0] + 1e-3) }, "\(form)")
    }
  }

  @Test(arguments: [(1, 32), (3, 16), (64, 1), (32, 3)], allActivations)
  func biasAndActivationFollowTheForwardForm(
    channels: (channels: Int, filters: Int), activation: KernelActivation
  ) throws {
    for geometry in [Self.geometries[2], Self.geometries[8], Self.geometries[13]] {
      let shape = Self.shape(
        geometry, examples: 2, channels: channels.channels, filters: channels.filters)
      let bench = try Workbench()
      let operands = Operands(bench, shape, .forward)
      var numbers = SeededNumbers(seed: 5)
      let bias = bench.floats(numbers.floats(shape.filters))
      let (sums, magnitudes) = operands.plainResult
      for hasBias in [true, false] {
        let biased = sums.indices.map {
          sums[$0] + (hasBias ? Double(bias.pointer[$0 % shape.filters]) : 0)
        }
        let expected = Reference.elementwise(
          activation.function, [DoubleTensor(shape: [biased.count], values: biased)],
          shape: [biased.count]
        ).values
        let out = bench.floats(count: expected.count)
        bench.run(
          bench.factory.thinConvolution(
            shape, .forward, operands.a.pointer, operands.b.pointer, out: out.pointer,
            bias: hasBias ? bias.pointer : nil, activation: activation))
        expectClose(
          out.values, expected, tolerance: { 0.5e-5 * (magnitudes[$0] + 2) }, "bias \(hasBias)")
      }
    }
  }

  /// What makes `ordered` independent of the placement.
  @Test(arguments: forms, [(1, 32), (3, 16), (64, 1), (32, 2), (16, 3)])
  func anExamplesBitsDoNotDependOnTheExamplesBesideIt(
    form: ConvolutionForm, channels: (channels: Int, filters: Int)
  ) throws {
    let examples = 3
    for geometry in [Self.geometries[8], Self.geometries[13]] {
      let shape = Self.shape(
        geometry, examples: examples, channels: channels.channels, filters: channels.filters)
      let bench = try Workbench()
      let operands = Operands(bench, shape, form)
      let out = bench.floats(count: operands.count(of: form.result))
      bench.run(
        bench.factory.thinConvolution(
          shape, form, operands.a.pointer, operands.b.pointer, out: out.pointer))

      var single = shape
      single.examples = 1
      let parts = operands.operandsOfEachExample.map { a, b in
        let part = bench.floats(count: out.count / (form == .kernelGradient ? 1 : examples))
        bench.run(bench.factory.thinConvolution(single, form, a, b, out: part.pointer))
        return part.values
      }
      let expected =
        form == .kernelGradient
        ? parts.dropFirst().reduce(parts[0]) { sum, part in zip(sum, part).map { $0 + $1 } }
        : parts.flatMap { $0 }
      expectSameBits(out.values, expected, "\(geometry.testDescription)")
    }
  }

  @Test
  func otherShapesAreLeftToTheLibraries() {
    let thin = Self.shape(Self.geometries[8], examples: 8, channels: 64, filters: 3)
    #expect(KernelFactory.hasThinConvolution(thin))
    let changes: [(inout ConvolutionKernel) -> Void] = [
      { $0.filters = 4 }, { $0.channels = 40 }, { $0.channels = 3 }, { $0.kernelHeight = 4 },
      { $0.kernelWidth = 1 }, { $0.strideHeight = 3 }, { $0.strideWidth = 0 }, { $0.top = 2 },
      { $0.left = -1 }, { $0.bottom = 2 }, { $0.right = 2 }, { $0.examples = 0 },
      { ($0.height, $0.top) = (1, 0) }, { ($0.width, $0.right) = (1, 0) },
    ]
    for (index, change) in changes.enumerated() {
      var shape = thin
      change(&shape)
      #expect(!KernelFactory.hasThinConvolution(shape), "change \(index)")
    }
  }
}

/// The three tensors of a convolution.
private enum Tensor { case x, kernel, y }

extension ConvolutionForm {
  fileprivate var operands: (a: Tensor, b: Tensor) {
    switch self {
    case .forward: (.x, .kernel)
    case .inputGradient: (.y, .kernel)
    case .kernelGradient: (.x, .y)
    }
  }

  fileprivate var result: Tensor {
    switch self {
    case .forward: .y
    case .inputGradient: .x
    case .kernelGradient: .kernel
    }
  }
}

private struct Operands {
  let shape: ConvolutionKernel
  let form: ConvolutionForm
  let a: GuardedFloats
  let b: GuardedFloats

  init(_ bench: Workbench, _ shape: ConvolutionKernel, _ form: ConvolutionForm) {
    (self.shape, self.form) = (shape, form)
    var numbers = SeededNumbers(seed: shape.height + 31 * shape.channels + 97 * shape.filters)
    a = bench.floats(numbers.floats(Self.count(of: form.operands.a, in: shape)))
    b = bench.floats(numbers.floats(Self.count(of: form.operands.b, in: shape)))
  }

  func count(of tensor: Tensor) -> Int { Self.count(of: tensor, in: shape) }

  private static func count(of tensor: Tensor, in shape: ConvolutionKernel) -> Int {
    switch tensor {
    case .x: shape.examples * shape.height * shape.width * shape.channels
    case .kernel: 9 * shape.channels * shape.filters
    case .y: shape.examples * shape.outputHeight * shape.outputWidth * shape.filters
    }
  }

  /// Where the operands of one example after the other begin.
  var operandsOfEachExample: [(a: UnsafePointer<Float>, b: UnsafePointer<Float>)] {
    let (first, second) = form.operands
    return (0..<shape.examples).map { example in
      let offset = { (tensor: Tensor) in
        tensor == .kernel ? 0 : example * count(of: tensor) / shape.examples
      }
      return (
        UnsafePointer(a.pointer + offset(first)), UnsafePointer(b.pointer + offset(second))
      )
    }
  }

  /// The definition, term by term in Double, and the sums of the terms' magnitudes.
  var plainResult: (values: [Double], magnitudes: [Double]) {
    let (a, b) = (a.values.map(Double.init), b.values.map(Double.init))
    var values = [Double](repeating: 0, count: count(of: form.result))
    var magnitudes = values
    let (outputs, filters) = (shape.outputHeight * shape.outputWidth, shape.filters)
    for position in 0..<(shape.examples * outputs) {
      let (n, i) = (position / outputs, position % outputs / shape.outputWidth)
      let j = position % shape.outputWidth
      for tap in 0..<9 {
        let row = i * shape.strideHeight + tap / 3 - shape.top
        let column = j * shape.strideWidth + tap % 3 - shape.left
        guard (0..<shape.height).contains(row), (0..<shape.width).contains(column) else { continue }
        for c in 0..<shape.channels {
          let x = ((n * shape.height + row) * shape.width + column) * shape.channels + c
          for f in 0..<filters {
            let kernel = (tap * shape.channels + c) * filters + f
            let y = position * filters + f
            let (term, out) =
              switch form {
              case .forward: (a[x] * b[kernel], y)
              case .inputGradient: (a[y] * b[kernel], x)
              case .kernelGradient: (a[x] * b[y], kernel)
              }
            values[out] += term
            magnitudes[out] += abs(term)
          }
        }
      }
    }
    return (values, magnitudes)
  }
}
