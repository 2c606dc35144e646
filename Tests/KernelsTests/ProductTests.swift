import Kernels
import TestSupport
import Testing

struct ProductTests {
  /// (rows, k, n): those of the networks, single rows and columns, and sizes that fill no vector.
  static let sizes = [
    (8, 100, 256), (96, 784, 512), (24, 256, 1), (1, 1, 1), (7, 1, 5), (1, 33, 17), (5, 13, 1),
    (3, 31, 129), (64, 50, 3), (2, 129, 47),
  ]
  static let forms: [ProductKernel] = [.plain, .transposedRight, .transposedLeft]

  private struct Operands {
    let x: GuardedFloats
    let y: GuardedFloats
    let shapes: (x: [Int], y: [Int], out: [Int])

    init(_ bench: Workbench, _ form: ProductKernel, rows: Int, k: Int, n: Int) {
      var numbers = SeededNumbers(seed: rows + 31 * k + 97 * n)
      shapes =
        switch form {
        case .plain: ([rows, k], [k, n], [rows, n])
        case .transposedRight: ([rows, n], [k, n], [rows, k])
        case .transposedLeft: ([rows, k], [rows, n], [k, n])
        }
      x = bench.floats(numbers.floats(shapes.x[0] * shapes.x[1]))
      y = bench.floats(numbers.floats(shapes.y[0] * shapes.y[1]))
    }

    func reference(_ form: ProductKernel, of part: (Double) -> Double = { $0 }) -> DoubleTensor {
      Reference.product(
        DoubleTensor(shapes.x, x.values).mapValues(part),
        DoubleTensor(shapes.y, y.values).mapValues(part), form: form)
    }
  }

  @Test(arguments: forms, sizes)
  func productsAgreeWithTheReferenceAndEachOther(
    form: ProductKernel, size: (rows: Int, k: Int, n: Int)
  ) throws {
    for backend in presentBackends {
      let bench = try Workbench(backend)
      let operands = Operands(bench, form, rows: size.rows, k: size.k, n: size.n)
      let expected = operands.reference(form).values
      let magnitudes = operands.reference(form, of: abs).values
      let out = bench.floats(count: expected.count)
      bench.run(
        try bench.factory.product(
          form, operands.x.pointer, operands.y.pointer, out: out.pointer, rows: size.rows,
          k: size.k, n: size.n))
      // Two results within half of the bound of the reference are within it of each other.
      expectClose(out.values, expected, tolerance: { 0.5e-5 * magnitudes[$0] }, "\(backend)")
      #expect(bench.factory.implementations.allSatisfy { !$0.hasPrefix("ref") })
    }
  }

  @Test(arguments: sizes, allActivations)
  func biasAndActivationFollowTheProduct(
    size: (rows: Int, k: Int, n: Int), activation: KernelActivation
  ) throws {
    let shape = [size.rows, size.n]
    for backend in presentBackends {
      let bench = try Workbench(backend)
      let operands = Operands(bench, .plain, rows: size.rows, k: size.k, n: size.n)
      var numbers = SeededNumbers(seed: 1)
      let bias = bench.floats(numbers.floats(size.n))
      let product = operands.reference(.plain)
      let magnitudes = operands.reference(.plain, of: abs).values
      for hasBias in [true, false] {
        let sum =
          hasBias
          ? Reference.elementwise(
            .add, [product, DoubleTensor([size.n], bias.values)], shape: shape) : product
        let expected = Reference.elementwise(activation.function, [sum], shape: shape).values
        let out = bench.floats(count: expected.count)
        bench.run(
          try bench.factory.product(
            .plain, operands.x.pointer, operands.y.pointer, out: out.pointer, rows: size.rows,
            k: size.k, n: size.n, bias: hasBias ? bias.pointer : nil, activation: activation))
        expectClose(
          out.values, expected, tolerance: { 0.5e-5 * (magnitudes[$0] + 2) },
          "\(backend), bias \(hasBias)")
      }
      #expect(bench.factory.implementations.allSatisfy { !$0.hasPrefix("ref") })
    }
  }

  /// What makes `ordered` independent of the placement where `rowsAreIndependent` says so.
  @Test(
    arguments: presentBackends.filter(\.rowsAreIndependent),
    [(100, 256), (256, 512), (1024, 784), (784, 512), (256, 1), (33, 17)] as [(Int, Int)])
  func aRowsBitsDoNotDependOnTheRowsBesideIt(
    backend: MatrixBackend, size: (k: Int, n: Int)
  ) throws {
    let bench = try Workbench(backend)
    for form in [ProductKernel.plain, .transposedRight] {
      let rows = 96
      let operands = Operands(bench, form, rows: rows, k: size.k, n: size.n)
      let (inputs, outputs) = (operands.shapes.x[1], operands.shapes.out[1])
      func results(rowsEach: Int) throws -> [Float] {
        let out = bench.floats(count: rows * outputs)
        for row in stride(from: 0, to: rows, by: rowsEach) {
          bench.run(
            try bench.factory.product(
              form, operands.x.pointer + row * inputs, operands.y.pointer,
              out: out.pointer + row * outputs, rows: rowsEach, k: size.k, n: size.n,
              activation: form == .plain ? .leakyReLU(slope: 0.2) : .identity))
        }
        return out.values
      }
      let together = try results(rowsEach: rows)
      for rowsEach in [1, 8, 24, 32] {
        expectSameBits(
          try results(rowsEach: rowsEach), together, "\(form), \(rowsEach) rows at a time")
      }
    }
  }

  @Test(arguments: MatrixBackend.allCases.filter { !$0.isPresent })
  func aBackendThatIsNotBuiltInIsRefused(_ backend: MatrixBackend) {
    #expect(throws: KernelError.backendMissing(backend)) {
      try KernelFactory(KernelLibraries(backend))
    }
  }
}
