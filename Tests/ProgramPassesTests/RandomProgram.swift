import Program
import TestSupport

extension ReplicaProgram {
  /// A sound program of random instructions: products, broadcasts, stacks of passes, views, batch
  /// norm, all-reduces in the middle, gradients, assignments and one Adam. The same for the same
  /// seed.
  ///
  /// Its functions are smooth, or kinked where no number falls by construction, so that rounding
  /// cannot change a branch.
  static func random(seed: Int) throws(ProgramError) -> ReplicaProgram {
    var random = RandomInstructions(seed: seed)
    for _ in 0..<24 { random.appendInstruction() }
    return try random.finish()
  }

  /// The same, with operations on images among its instructions, which run replica by replica.
  static func randomOfImages(seed: Int) throws(ProgramError) -> ReplicaProgram {
    var random = RandomInstructions(seed: seed)
    random.appendImageInstruction()
    for _ in 0..<8 {
      random.appendInstruction()
      random.appendImageInstruction()
      random.appendImageInstruction()
    }
    return try random.finish()
  }

  /// Without images for even seeds, with them for odd ones.
  static func randomOfEither(seed: Int) throws(ProgramError) -> ReplicaProgram {
    try seed % 2 == 0 ? random(seed: seed) : randomOfImages(seed: seed)
  }
}

private struct RandomInstructions {
  private let builder: ProgramBuilder
  private var numbers: SeededNumbers
  /// What further instructions read.
  private var values: [Tensor] = []
  /// What the target is made of: everything, so that every parameter matters to it.
  private var results: [Tensor] = []
  private var parameters: [String] = []
  private var draws = 0
  /// Images [passes, examples, height, width, channels] of at most 8×8 pixels.
  private lazy var images: [Tensor] = [builder.input("images", shape: [2, 2, 4, 4, 2])]

  init(seed: Int) {
    builder = ProgramBuilder(name: "random \(seed)")
    numbers = SeededNumbers(seed: 1000 + seed)
    values = [
      builder.input("x", shape: [3, 4, 6]), builder.input("y", shape: [4, 6]),
      builder.variable(
        "last", shape: [4, 6], distribution: .perReplica, role: .state,
        initial: .uniform(bound: 1)),
      builder.variable("shared", shape: [4, 6], role: .state, initial: .uniform(bound: 1)),
    ]
  }

  private mutating func int(_ range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }

  /// A value, the latest ones more often, with at least `rank` axes.
  private mutating func pick(rank: Int = 0) -> Tensor {
    let fitting = values.filter { $0.shape.rank >= rank }
    let recent = Bool.random(using: &numbers) ? fitting.suffix(5) : fitting[...]
    return recent[int(recent.startIndex..<recent.endIndex)]
  }

  private mutating func parameter(_ shape: Shape) -> Tensor {
    let name = "parameter_\(parameters.count)"
    parameters.append(name)
    return builder.variable(
      name, shape: shape, role: .parameter, initial: .normal(mean: 0.1, deviation: 0.4))
  }

  private mutating func smoothFunction() -> Elementwise {
    [.tanh, .sigmoid, .negate][int(0..<3)]
  }

  mutating func appendInstruction() {
    let result: Tensor
    switch int(0..<16) {
    case 0: result = pick().apply(smoothFunction())
    case 1, 2: result = combined()
    case 3, 4: result = dense(pick(rank: 1))
    case 5: result = sum()
    case 6: result = reshaped(pick(rank: 1))
    case 7: result = transposed(pick(rank: 2))
    case 8: result = padded(pick(rank: 1))
    case 9, 10: result = sliced(pick(rank: 1))
    case 11, 12: result = concatenated()
    case 13: result = normalized(pick(rank: 2))
    case 14: result = pick().stopGradient()
    default: result = reducedOrDrawn()
    }
    results.append(result)
    if result.shape.count <= 2000 { values.append(result) }
  }

  private mutating func combined() -> Tensor {
    let (a, b) = (pick(), pick())
    guard a.shape.broadcast(with: b.shape) != nil else {
      return a * Double.random(in: -2...2, using: &numbers)
    }
    switch int(0..<4) {
    case 0: return a + b
    case 1: return (a - b).apply(.tanh)
    case 2: return (a * b).apply(.tanh)
    default: return a / (b.square() + 0.5)
    }
  }

  private mutating func dense(_ x: Tensor) -> Tensor {
    let (inputs, outputs) = (x.shape[x.shape.rank - 1], int(1..<7))
    let product = x.product(parameter([inputs, outputs])) + parameter([outputs])
    let activations: [Activation] = [.identity, .tanh, .sigmoid, .leakyReLU(slope: 0.2)]
    return product.activated(activations[int(0..<4)])
  }

  private mutating func sum() -> Tensor {
    let x = pick(rank: 1)
    let axes = (0..<x.shape.rank).filter { _ in Bool.random(using: &numbers) }
    return x.sum(axes: axes).apply(.tanh)
  }

  private mutating func reshaped(_ x: Tensor) -> Tensor {
    var dimensions = x.shape.dimensions
    if Bool.random(using: &numbers), dimensions.count > 1 {
      let axis = int(0..<(dimensions.count - 1))
      dimensions.replaceSubrange(axis...(axis + 1), with: [dimensions[axis] * dimensions[axis + 1]])
    } else {
      dimensions.insert(1, at: int(0..<(dimensions.count + 1)))
    }
    return x.reshaped(Shape(dimensions))
  }

  private mutating func transposed(_ x: Tensor) -> Tensor {
    x.transposed((0..<x.shape.rank).shuffled(using: &numbers))
  }

  private mutating func padded(_ x: Tensor) -> Tensor {
    let low = x.shape.dimensions.map { _ in int(0..<2) }
    return x.padded(low: low, high: low.map { _ in int(0..<2) })
  }

  /// Whole leading entries, or a part of every axis.
  private mutating func sliced(_ x: Tensor) -> Tensor {
    var from = x.shape.dimensions.map { _ in 0 }
    var to = x.shape.dimensions
    let axes = Bool.random(using: &numbers) ? 0..<1 : 0..<x.shape.rank
    for axis in axes {
      from[axis] = int(0..<to[axis])
      to[axis] = int((from[axis] + 1)..<(to[axis] + 1))
    }
    return x.slice(from: from, to: to)
  }

  private mutating func concatenated() -> Tensor {
    let x = pick(rank: 1)
    let axis = Bool.random(using: &numbers) ? 0 : int(0..<x.shape.rank)
    let fitting = values.filter {
      $0.shape.rank == x.shape.rank
        && $0.shape.removing(axes: [axis]) == x.shape.removing(axes: [axis])
    }
    let parts = (0..<int(1..<3)).map { _ in fitting[int(0..<fitting.count)] }
    return builder.concatenate([x] + parts, axis: axis)
  }

  private mutating func normalized(_ x: Tensor) -> Tensor {
    let features = x.shape[x.shape.rank - 1]
    let first = int(0..<(x.shape.rank - 1))
    return x.batchNorm(
      scale: parameter([features]), shift: parameter([features]),
      BatchNormAttributes(axes: Array(first..<(x.shape.rank - 1)), epsilon: 0.1)
    ).normalized.activated([.identity, .tanh][int(0..<2)])
  }

  private mutating func reducedOrDrawn() -> Tensor {
    let x = pick()
    if x.type.distribution == .perReplica, Bool.random(using: &numbers) {
      return x.allReduce(.mean)
    }
    draws += 1
    return builder.random(.normal, shape: [4, 6], stream: "draw_\(draws)")
  }

  // MARK: Images

  private mutating func pickImage() -> Tensor {
    images[int(max(0, images.count - 4)..<images.count)]
  }

  mutating func appendImageInstruction() {
    let x = pickImage()
    let (height, width) = (x.shape[2], x.shape[3])
    let result: Tensor
    switch int(0..<9) {
    case 0, 1: result = convolved(x)
    case 2 where height <= 4:
      let channels = x.shape[4]
      result = x.transposedConvolution(
        parameter([4, 4, int(1..<4), channels]), .padded(1, stride: 2), height: 2 * height,
        width: 2 * width)
    case 3 where height <= 4, 4 where height <= 4: result = upscaled(x)
    case 5 where height > 2 && width > 2:
      result = x.averagePooled(PoolAttributes(window: [2, 3], strides: [1, 2]))
    case 6: result = x.resized(.bilinear, height: int(2..<7), width: int(2..<7))
    case 7, 8: result = thinned(normalized(images: x).activated(.tanh))
    default: result = combined(x)
    }
    results.append(result)
    images.append(result)
    // Rows of an image, for other instructions.
    if int(0..<4) == 0 { values.append(result.reshaped([4, result.shape.count / 4])) }
  }

  private mutating func convolved(_ x: Tensor) -> Tensor {
    let filters = int(1..<4)
    let y = x.convolution(
      parameter([3, 3, x.shape[4], filters]), .padded(1, stride: int(1..<3)))
    return (y + parameter([filters])).activated([.identity, .tanh, .sigmoid][int(0..<3)])
  }

  private mutating func upscaled(_ x: Tensor) -> Tensor {
    let larger =
      Bool.random(using: &numbers)
      ? x.upscaled(by: 2) : x.resized(.nearest, height: 2 * x.shape[2], width: 2 * x.shape[3])
    let filters = int(1..<4)
    return larger.convolution(parameter([3, 3, x.shape[4], filters]), .padded(1, stride: 1))
      + parameter([filters])
  }

  private mutating func normalized(images x: Tensor) -> Tensor {
    let features = x.shape[4]
    return x.batchNorm(
      scale: parameter([features]), shift: parameter([features]),
      BatchNormAttributes(axes: Array(int(1..<3)..<4), epsilon: 0.1)
    ).normalized
  }

  private mutating func thinned(_ x: Tensor) -> Tensor {
    draws += 1
    let streams = ["thinned_\(draws)/generated", "thinned_\(draws)/real"]
    return x.dropout(
      DropoutAttributes(
        rate: [0.25, 0.3][int(0..<2)], streams: streams, perChannel: Bool.random(using: &numbers)))
  }

  /// With another image of the same shape, a row, or an average over all replicas.
  private mutating func combined(_ x: Tensor) -> Tensor {
    switch int(0..<3) {
    case 0: return images.filter { $0.shape == x.shape }.reduce(x) { ($0 + $1).apply(.tanh) }
    case 1: return x * parameter([x.shape[4]])
    default: return x - x.sum(axes: [0, 1, 2, 3]).apply(.tanh).allReduce(.mean)
    }
  }

  mutating func finish() throws(ProgramError) -> ReplicaProgram {
    for index in 0..<3 { builder.output("value_\(index)", pick()) }
    let total = results.map { $0.apply(.tanh).mean() }.reduce(builder.constant(0), +)
    let target = total * builder.replicaConstant([1, 0.5, 2, 1.5])
    builder.output("target", target)
    let gradients = builder.gradients(
      of: target, withRespectTo: parameters.map(builder.read)
    ).map { $0.allReduce(.mean) }
    if !parameters.isEmpty {
      builder.update(
        parameters,
        with: Adam(
          learningRate: 1e-3, beta1: 0.5, beta2: 0.999, epsilon: 1e-2, variant: .keras),
        gradients: gradients)
    }
    builder.assign("last", values.last { $0.shape == [4, 6] } ?? values[1])
    builder.assign("shared", values[1].allReduce(.mean))
    return try builder.finish()
  }
}
