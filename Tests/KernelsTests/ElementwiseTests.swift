import Foundation
import Kernels
import TestSupport
import Testing

struct ElementwiseTests {
  static let unary: [ElementwiseFunction] = [
    .identity, .negate, .exp, .log, .squareRoot, .square, .absolute, .tanh, .sigmoid,
    .leakyReLU(slope: 0.2), .clamp(low: -0.5, high: 0.75),
  ]
  static let binary: [ElementwiseFunction] = [
    .add, .subtract, .multiply, .divide, .maximum, .minimum, .greater, .tanhGradient,
    .sigmoidGradient, .leakyReLUGradient(slope: 0.2), .clampGradient(low: -0.5, high: 0.75),
  ]

  /// Four units in the last place of the largest number that the result is made of.
  private func tolerance(_ operands: [[Double]], _ expected: [Double]) -> (Int) -> Double {
    { index in
      let largest = operands.reduce(abs(expected[index])) { max($0, abs($1[index])) }
      return 4 * 0x1p-23 * largest
    }
  }

  @Test(arguments: unary, 0..<12)
  func unaryFunctionsAgreeWithTheReferenceForAnyStrides(
    _ function: ElementwiseFunction, seed: Int
  ) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: seed)
    let shape = numbers.shape(rank: seed % 5, extents: 1...(seed < 6 ? 5 : 19))
    let repeated = Set(shape.indices.filter { _ in numbers.integer(0...3) == 0 })
    let a = bench.scattered(shape: shape, repeated: repeated, using: &numbers)
    let out = bench.scattered(shape: shape, using: &numbers)
    if function == .log || function == .squareRoot {
      for offset in 0..<a.memory.count {
        a.memory.pointer[offset] = a.memory.pointer[offset].magnitude + 0.001
      }
    }
    let gaps = out.gaps
    bench.run([try bench.factory.elementwise(function, out: out.tensor, a.tensor)])

    let operand = DoubleTensor(shape, a.values)
    let expected = Reference.elementwise(function, [operand], shape: shape).values
    expectClose(out.values, expected, tolerance: tolerance([operand.values], expected))
    expectSameBits(out.gaps, gaps)
  }

  @Test(arguments: binary, 0..<12)
  func binaryFunctionsAgreeWithTheReferenceForAnyStrides(
    _ function: ElementwiseFunction, seed: Int
  ) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: 100 + seed)
    let shape = numbers.shape(rank: seed % 5, extents: 1...(seed < 6 ? 5 : 19))
    let operands = (0..<2).map { _ in
      let repeated = Set(shape.indices.filter { _ in numbers.integer(0...2) == 0 })
      return bench.scattered(shape: shape, repeated: repeated, using: &numbers)
    }
    let out = bench.scattered(shape: shape, using: &numbers)
    let gaps = out.gaps
    bench.run([
      try bench.factory.elementwise(
        function, out: out.tensor, operands[0].tensor, operands[1].tensor)
    ])

    let values = operands.map { DoubleTensor(shape, $0.values) }
    let expected = Reference.elementwise(function, values, shape: shape).values
    // y·(1 − y) of numbers up to 2 is up to 6, and scales the error of its rounding.
    expectClose(out.values, expected) { index in
      6 * tolerance(values.map(\.values), expected)(index)
    }
    expectSameBits(out.gaps, gaps)
  }

  /// Rows, columns and single numbers against a whole matrix: loops that have code of their own.
  @Test(arguments: binary, [[33, 47], [1, 47], [33, 1], [1, 1]])
  func operandsAreBroadcast(_ function: ElementwiseFunction, small: [Int]) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: 7)
    let shape = [33, 47]
    let (whole, part) = (
      bench.floats(numbers.floats(33 * 47)), bench.floats(numbers.floats(small[0] * small[1]))
    )
    var stretched = part.tensor(small)
    stretched.strides = zip(small, stretched.strides).map { $0 == 1 ? 0 : $1 }
    stretched.dimensions = shape
    for partIsFirst in [false, true] {
      let out = bench.floats(count: 33 * 47)
      let (a, b) =
        partIsFirst ? (stretched, whole.tensor(shape)) : (whole.tensor(shape), stretched)
      bench.run([try bench.factory.elementwise(function, out: out.tensor(shape), a, b)])
      let (x, y) = (DoubleTensor(shape, whole.values), DoubleTensor(small, part.values))
      let expected = Reference.elementwise(
        function, partIsFirst ? [y, x] : [x, y], shape: shape)
      expectClose(out.values, expected.values) { 24 * 0x1p-23 * max(4, abs(expected.values[$0])) }
    }
  }

  @Test(arguments: unary + binary)
  func theResultMayTakeTheFirstOperandsPlace(_ function: ElementwiseFunction) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: 3)
    let shape = [5, 77]
    let a = numbers.floats(5 * 77, in: 0.01...2)
    let b = bench.floats(numbers.floats(5 * 77, in: 0.01...2))
    let (apart, place) = (bench.floats(count: 5 * 77), bench.floats(a))
    let second = Self.binary.contains(function) ? b.tensor(shape) : nil
    let source = bench.floats(a)
    bench.run([
      try bench.factory.elementwise(
        function, out: apart.tensor(shape), source.tensor(shape), second)
    ])
    bench.run([
      try bench.factory.elementwise(function, out: place.tensor(shape), place.tensor(shape), second)
    ])
    expectClose(place.values, apart.values.map(Double.init)) {
      2 * 0x1p-23 * Double(abs(apart.values[$0]))
    }
  }

  /// Equal operands, zeros of both signs and bounds, where a comparison decides.
  @Test(arguments: unary + binary)
  func kinksAndTiesAreDecidedAsInTheReference(_ function: ElementwiseFunction) throws {
    let bench = try Workbench()
    let points: [Float] = [-1, -0.5, -0.0, 0, 0.5, 0.75, 1]
    // Five times, so that vector loops and their tails meet every pair.
    let pairs = (0..<5).flatMap { _ in points.flatMap { a in points.map { (a, $0) } } }
    let shape = [pairs.count]
    let (a, b) = (bench.floats(pairs.map(\.0)), bench.floats(pairs.map(\.1)))
    let out = bench.floats(count: pairs.count)
    let isBinary = Self.binary.contains(function)
    bench.run(
      try bench.factory.elementwise(
        function, out: out.tensor(shape), a.tensor(shape), isBinary ? b.tensor(shape) : nil))
    let operands =
      [DoubleTensor(shape, a.values)] + (isBinary ? [DoubleTensor(shape, b.values)] : [])
    let expected = Reference.elementwise(function, operands, shape: shape).values
    for (actual, expected) in zip(out.values, expected) {
      let isClose = abs(Double(actual) - expected) <= 4 * 0x1p-23 * abs(expected)
      #expect(expected.isFinite ? isClose : actual.isNaN == expected.isNaN)
    }
  }

  static let accuracies: [(ElementwiseFunction, ClosedRange<Float>, @Sendable (Double) -> Double)] =
    [
      (.exp, -87...88.7, { Foundation.exp($0) }),
      (.exp, -1e-3...1e-3, { Foundation.exp($0) }),
      (.log, 1e-37...3e38, { Foundation.log($0) }),
      (.log, 0.9...1.1, { Foundation.log($0) }),
      (.tanh, -10...10, { Foundation.tanh($0) }),
      (.tanh, -1e-3...1e-3, { Foundation.tanh($0) }),
      (.sigmoid, -80...20, { 1 / (1 + Foundation.exp(-$0)) }),
    ]

  @Test(arguments: accuracies.indices)
  func transcendentalFunctionsAreAccurateToFourUnitsInTheLastPlace(_ index: Int) throws {
    let bench = try Workbench()
    let (function, range, exact) = Self.accuracies[index]
    let count = 100_003
    var numbers = SeededNumbers(seed: index)
    let inputs = numbers.floats(count, in: range)
    let (a, out) = (bench.floats(inputs), bench.floats(count: count))
    bench.run([try bench.factory.elementwise(function, out: out.tensor([count]), a.tensor([count]))]
    )
    let expected = inputs.map { exact(Double($0)) }
    expectClose(out.values, expected) { 4 * Double(Float(expected[$0]).ulp) }
  }

  @Test func theLogarithmIsAccurateOverAllBinades() throws {
    let bench = try Workbench()
    let inputs = (-149...127).flatMap { exponent in
      [1, 1.25, 1.4142135, 1.5, 1.9999999].map {
        Float(sign: .plus, exponent: exponent, significand: $0)
      }
    }
    let (a, out) = (bench.floats(inputs), bench.floats(count: inputs.count))
    bench.run([
      try bench.factory.elementwise(.log, out: out.tensor([inputs.count]), a.tensor([inputs.count]))
    ])
    let expected = inputs.map { Foundation.log(Double($0)) }
    expectClose(out.values, expected) { 4 * Double(Float(expected[$0]).ulp) }
  }

  /// Each input fills a vector, so that the vector code and not only the tail meets it.
  @Test(
    arguments: [
      (ElementwiseFunction.exp, Float.infinity, Float.infinity), (.exp, -.infinity, 0),
      (.exp, 0, 1), (.exp, 1e30, .infinity), (.exp, -1e30, 0), (.exp, .nan, .nan),
      (.exp, -103, Float(Foundation.exp(-103.0))),
      (.log, .infinity, .infinity), (.log, 0, -.infinity), (.log, -1, .nan), (.log, 1, 0),
      (.log, .nan, .nan), (.log, .leastNonzeroMagnitude, Float(Foundation.log(0x1p-149))),
      (.tanh, .infinity, 1), (.tanh, -.infinity, -1), (.tanh, 0, 0), (.tanh, 1e30, 1),
      (.tanh, .nan, .nan),
      (.sigmoid, .infinity, 1), (.sigmoid, -.infinity, 0), (.sigmoid, 0, 0.5),
      (.sigmoid, .nan, .nan),
      (.squareRoot, -1, .nan), (.squareRoot, .infinity, .infinity),
      (.absolute, -.infinity, .infinity),
      (.clamp(low: -1, high: 1), .infinity, 1), (.clamp(low: -1, high: 1), .nan, .nan),
      (.leakyReLU(slope: 0.2), .nan, .nan), (.leakyReLU(slope: 0.2), 0, 0),
    ] as [(ElementwiseFunction, Float, Float)])
  func extremesComeOutAsInTheMathematicalLibrary(
    _ function: ElementwiseFunction, input: Float, expected: Float
  ) throws {
    let bench = try Workbench()
    let (a, out) = (bench.floats(Array(repeating: input, count: 67)), bench.floats(count: 67))
    bench.run([try bench.factory.elementwise(function, out: out.tensor([67]), a.tensor([67]))])
    for value in out.values {
      #expect(
        expected.isNaN
          ? value.isNaN
          : value == expected || abs(value - expected) <= max(2 * expected.ulp, 0x1p-148))
    }
  }

  @Test func fillingWritesNothingBeyond() throws {
    let bench = try Workbench()
    let out = bench.floats(count: 131)
    bench.run([bench.factory.fill(out.pointer, count: 131, 1.5)])
    #expect(out.values == Array(repeating: 1.5, count: 131))
  }

  @Test func moreAxesThanAKernelHasAreRefused() throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: 0)
    let shape = Array(repeating: 2, count: 11)
    let (a, out) = (
      bench.scattered(shape: shape, using: &numbers), bench.scattered(shape: shape, using: &numbers)
    )
    #expect(throws: KernelError.tooManyAxes(11)) {
      try bench.factory.elementwise(.negate, out: out.tensor, a.tensor)
    }
  }
}
