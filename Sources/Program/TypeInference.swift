/// The types of an instruction's results from those of its operands; the constraints of
/// `docs/operations.md` are checked here and nowhere else.
extension Operation {
  /// - Throws: `ProgramError.constraint`, naming `layer`, the operation and the operands' types.
  package func resultTypes(
    of operands: [TensorType], variables: [Variable], layer: String
  ) throws(ProgramError) -> [TensorType] {
    let check = Check(operation: mnemonic, layer: layer, operands: operands)
    let types = try resultTypes(of: operands, variables: variables, check)
    for type in types { try check.extents(type.shape) }
    return types
  }

  private func resultTypes(
    of operands: [TensorType], variables: [Variable], _ check: Check
  ) throws(ProgramError) -> [TensorType] {
    let distribution: Distribution =
      operands.contains { $0.distribution == .perReplica } ? .perReplica : .replicated
    let shapes = operands.map(\.shape)
    func one(_ shape: Shape) -> [TensorType] { [TensorType(shape, distribution)] }

    switch self {
    case .input(_, let shape), .random(_, _, let shape):
      try check.operandCount(0)
      return [TensorType(shape, .perReplica)]

    case .variable(let name):
      try check.operandCount(0)
      guard let variable = variables.first(where: { $0.name == name }) else {
        throw check.failure(.variables, "no variable is named \"\(name)\"")
      }
      return [variable.type]

    case .constant(let number, let shape):
      try check.operandCount(0)
      try check.require(number.isFinite, .numbers, "the constant \(number) is not finite")
      return [TensorType(shape, .replicated)]

    case .replicaConstant(let numbers):
      try check.operandCount(0)
      try check.require(
        !numbers.isEmpty && numbers.allSatisfy(\.isFinite), .numbers,
        "one finite number a replica is expected, \(numbers) given")
      return [TensorType([], .perReplica)]

    case .elementwise(let function):
      try check.operandCount(function.operandCount)
      switch function {
      case .clamp(let low, let high), .clampGradient(let low, let high):
        try check.require(low <= high, .numbers, "the bounds \(low) and \(high) are out of order")
      case .leakyReLU(let slope), .leakyReLUGradient(let slope):
        try check.require(
          slope.isFinite && slope >= 0, .numbers, "the slope \(slope) is not a finite number ≥ 0")
      default: break
      }
      if shapes.count == 1 { return one(shapes[0]) }
      guard let shape = shapes[0].broadcast(with: shapes[1]) else {
        throw check.failure(.broadcastable, "the shapes do not broadcast")
      }
      return one(shape)

    case .product(let form):
      try check.operandCount(2)
      return one(try check.product(form, shapes[0], shapes[1]))

    case .dense:
      try check.operandCount(3)
      let shape = try check.product(.plain, shapes[0], shapes[1])
      try check.require(
        shapes[2] == [shape[shape.rank - 1]], .contraction, "the bias must be one number a column")
      return one(shape)

    case .reducedProduct:
      try check.operandCount(2)
      let shape = try check.product(.transposedLeft, shapes[0], shapes[1])
      try check.require(distribution == .perReplica, .distribution, Check.alreadyReplicated)
      return [TensorType(shape, .replicated)]

    case .sum(let axes):
      try check.operandCount(1)
      try check.axes(axes, rank: shapes[0].rank)
      return one(shapes[0].removing(axes: axes))

    case .broadcast(let shape):
      try check.operandCount(1)
      try check.require(
        shapes[0].broadcast(with: shape) == shape, .broadcastable, "cannot be broadcast to \(shape)"
      )
      return one(shape)

    case .reshape(let shape):
      try check.operandCount(1)
      try check.extents(shape)
      try check.require(
        shapes[0].count == shape.count, .sameCount,
        "\(shapes[0].count) elements do not fill \(shape)")
      return one(shape)

    case .transpose(let permutation):
      try check.operandCount(1)
      try check.require(
        permutation.sorted() == Array(0..<shapes[0].rank), .permutation,
        "\(permutation) is no permutation of the axes")
      return one(Shape(permutation.map { shapes[0][$0] }))

    case .pad(let low, let high):
      try check.operandCount(1)
      try check.require(
        low.count == shapes[0].rank && high.count == shapes[0].rank
          && (low + high).allSatisfy { $0 >= 0 && $0 <= Check.largestCount },
        .padding, "one extent ≥ 0 an axis is expected, \(low) and \(high) given")
      let shape = Shape(shapes[0].dimensions.indices.map { low[$0] + shapes[0][$0] + high[$0] })
      return one(shape)

    case .slice(let from, let to):
      try check.operandCount(1)
      try check.require(
        from.count == shapes[0].rank && to.count == shapes[0].rank
          && shapes[0].dimensions.indices.allSatisfy {
            0 <= from[$0] && from[$0] < to[$0] && to[$0] <= shapes[0][$0]
          }, .sliceBounds, "\(from) ..< \(to) does not lie within the operand")
      return one(Shape(zip(from, to).map { $1 - $0 }))

    case .concatenate(let axis):
      try check.require(!shapes.isEmpty, .operandCount, "at least one operand is expected")
      try check.axes([axis], rank: shapes[0].rank)
      try check.require(
        shapes.allSatisfy {
          $0.rank == shapes[0].rank && $0.removing(axes: [axis]) == shapes[0].removing(axes: [axis])
        }, .concatenation, "the operands differ in another axis than \(axis)")
      var shape = shapes[0]
      shape.dimensions[axis] = shapes.reduce(0) { $0 + $1[axis] }
      return one(shape)

    case .convolution(let attributes):
      try check.operandCount(2)
      return one(try check.convolution(attributes, shapes[0], shapes[1]))

    case .biasedConvolution(let attributes, _):
      try check.operandCount(3)
      let shape = try check.convolution(attributes, shapes[0], shapes[1])
      try check.require(
        shapes[2] == [shape[shape.rank - 1]], .window, "the bias must be one number a filter")
      return one(shape)

    case .transposedConvolution(let attributes, let height, let width):
      try check.operandCount(2)
      try check.require(shapes[1].rank == 4, .window, "a kernel of rank 4 is expected")
      let shape = try check.image(shapes[0], height: height, width: width, channels: shapes[1][2])
      let forward = try check.convolution(attributes, shape, shapes[1])
      try check.require(
        forward == shapes[0], .window, "an image of \(shape) is convolved to \(forward)")
      return one(shape)

    case .kernelGradient(let attributes, let height, let width):
      try check.operandCount(2)
      try check.require(
        shapes[0].rank >= 4 && shapes[1].rank == shapes[0].rank, .window,
        "two operands of one rank, 4 or more, are expected")
      let kernel: Shape = [
        height, width, shapes[0][shapes[0].rank - 1], shapes[1][shapes[1].rank - 1],
      ]
      try check.extents(kernel)
      let forward = try check.convolution(attributes, shapes[0], kernel)
      try check.require(
        forward == shapes[1], .window, "a kernel of \(kernel) convolves to \(forward)")
      return one(kernel)

    case .resize(_, let height, let width):
      try check.operandCount(1)
      return one(try check.image(shapes[0], height: height, width: width))

    case .resizeGradient(_, let height, let width):
      try check.operandCount(1)
      return one(try check.image(shapes[0], height: height, width: width))

    case .upscale(let factor):
      try check.operandCount(1)
      let (height, width) = try check.scaled(shapes[0], by: factor)
      return one(
        try check.image(shapes[0], height: height * factor, width: width * factor))

    case .upscaleGradient(let factor):
      try check.operandCount(1)
      let (height, width) = try check.scaled(shapes[0], by: factor)
      try check.require(
        height % factor == 0 && width % factor == 0, .window,
        "\(factor) does not divide the image's height and width")
      return one(try check.image(shapes[0], height: height / factor, width: width / factor))

    case .averagePool(let attributes):
      try check.operandCount(1)
      return one(try check.pooled(attributes, shapes[0]))

    case .averagePoolGradient(let attributes, let height, let width):
      try check.operandCount(1)
      let shape = try check.image(shapes[0], height: height, width: width)
      let forward = try check.pooled(attributes, shape)
      try check.require(
        forward == shapes[0], .window, "an image of \(shape) is pooled to \(forward)")
      return one(shape)

    case .dropout(let attributes):
      try check.operandCount(1)
      try check.dropout(attributes, shapes[0])
      return [TensorType(shapes[0], .perReplica)]

    case .upscaledKernel:
      try check.operandCount(1)
      try check.require(
        shapes[0].rank == 4 && shapes[0][0] == 3 && shapes[0][1] == 3, .window,
        "a kernel of 3×3 is expected")
      return one([4, 4, shapes[0][3], shapes[0][2]])

    case .upscaledKernelGradient:
      try check.operandCount(1)
      try check.require(
        shapes[0].rank == 4 && shapes[0][0] == 4 && shapes[0][1] == 4, .window,
        "a kernel of 4×4 is expected")
      return one([3, 3, shapes[0][3], shapes[0][2]])

    case .batchNorm(let attributes):
      try check.operandCount(3)
      let statistics = try check.batchNorm(attributes, x: shapes[0], scale: Array(shapes[1...2]))
      return one(shapes[0]) + one(statistics) + one(statistics)

    case .batchNormGradient(let attributes):
      let folded = attributes.activation != .identity
      try check.operandCount(folded ? 6 : 5)
      let statistics = try check.batchNorm(attributes, x: shapes[0], scale: [shapes[2]])
      try check.require(
        shapes[1] == shapes[0] && shapes[3] == statistics && shapes[4] == statistics
          && (!folded || shapes[5] == shapes[2]), .batchNormShapes,
        "(dy, x, γ, mean, variance) do not fit each other")
      return one(shapes[0]) + one(statistics) + one(statistics)

    case .activationGradientBias:
      try check.operandCount(2)
      try check.require(
        shapes[0] == shapes[1] && shapes[0].rank > 0, .broadcastable,
        "dy and y must have the same shape, of rank 1 or more")
      return one(shapes[0]) + one([shapes[0][shapes[0].rank - 1]])

    case .stopGradient:
      try check.operandCount(1)
      return one(shapes[0])

    case .gradient:
      try check.require(operands.count >= 2, .operandCount, "at least 2 operands are expected")
      try check.require(shapes[0] == [], .scalarGradient, "the gradient of a scalar is expected")
      return shapes.dropFirst().map { TensorType($0, distribution) }

    case .allReduce:
      try check.operandCount(1)
      try check.require(distribution == .perReplica, .distribution, Check.alreadyReplicated)
      return [TensorType(shapes[0], .replicated)]
    }
  }
}

/// Where a check happens, and the checks that operations share.
private struct Check {
  let operation: String
  let layer: String
  let operands: [TensorType]

  static let alreadyReplicated = "the operand is already the same in every replica"
  /// 2^40 elements are 4 TiB: no machine that this runs on; products of extents below it cannot
  /// overflow.
  static let largestCount = 1 << 40

  func failure(_ constraint: Constraint, _ detail: String) -> ProgramError {
    .constraint(constraint, operation: operation, layer: layer, operands: operands, detail: detail)
  }

  func require(
    _ condition: Bool, _ constraint: Constraint, _ detail: @autoclosure () -> String
  ) throws(ProgramError) {
    if !condition { throw failure(constraint, detail()) }
  }

  func operandCount(_ count: Int) throws(ProgramError) {
    try require(
      operands.count == count, .operandCount, "\(count) operands are expected")
  }

  func extents(_ shape: Shape) throws(ProgramError) {
    var count = 1
    for extent in shape.dimensions {
      try require(
        extent >= 1 && extent <= Self.largestCount / count, .positiveExtents,
        "\(shape) is empty or too large")
      count *= extent
    }
  }

  func axes(_ axes: [Int], rank: Int) throws(ProgramError) {
    let valid =
      axes.allSatisfy { 0 <= $0 && $0 < rank } && zip(axes, axes.dropFirst()).allSatisfy(<)
    try require(
      valid, .axes, "\(axes) are not distinct, ascending axes of an operand of rank \(rank)")
  }

  func product(_ form: ProductForm, _ x: Shape, _ y: Shape) throws(ProgramError) -> Shape {
    try require(
      x.rank >= 1 && (form == .transposedLeft ? y.rank == x.rank : y.rank == 2), .contraction,
      "the ranks do not fit the form \(form.rawValue)")
    let rows = x.dimensions.dropLast()
    let columns = x[x.rank - 1]
    switch form {
    case .plain:
      try require(
        columns == y[0], .contraction, "the contracted extents \(columns) and \(y[0]) differ")
      return Shape(rows + [y[1]])
    case .transposedRight:
      try require(
        columns == y[1], .contraction, "the contracted extents \(columns) and \(y[1]) differ")
      return Shape(rows + [y[0]])
    case .transposedLeft:
      try require(
        rows == y.dimensions.dropLast(), .contraction, "the operands' rows differ")
      return [columns, y[y.rank - 1]]
    }
  }

  func batchNorm(
    _ attributes: BatchNormAttributes, x: Shape, scale: [Shape]
  ) throws(ProgramError) -> Shape {
    try axes(attributes.axes, rank: x.rank)
    try require(
      !attributes.axes.isEmpty && !attributes.axes.contains(x.rank - 1), .batchNormShapes,
      "statistics are taken over at least one axis, and never over the last")
    try require(
      scale.allSatisfy { $0 == [x[x.rank - 1]] }, .batchNormShapes,
      "γ and β must have the extent of the last axis")
    try require(
      attributes.epsilon > 0 && attributes.epsilon.isFinite, .numbers,
      "ε = \(attributes.epsilon) is not positive")
    if let dropout = attributes.dropout { try self.dropout(dropout, x) }
    return x.removing(axes: attributes.axes)
  }

  // MARK: Images

  /// `x` with another height and width, and perhaps another number of channels.
  func image(
    _ x: Shape, height: Int, width: Int, channels: Int? = nil
  ) throws(ProgramError) -> Shape {
    try require(x.rank >= 3, .window, "an image [.., height, width, channels] is expected")
    let shape = Shape(x.dimensions.dropLast(3) + [height, width, channels ?? x[x.rank - 1]])
    try extents(shape)
    return shape
  }

  func scaled(_ x: Shape, by factor: Int) throws(ProgramError) -> (height: Int, width: Int) {
    try require(
      x.rank >= 3 && factor >= 1 && factor <= 1 << 20, .window,
      "an image [.., height, width, channels] and a factor ≥ 1 are expected")
    return (x[x.rank - 3], x[x.rank - 2])
  }

  func convolution(
    _ attributes: ConvolutionAttributes, _ x: Shape, _ kernel: Shape
  ) throws(ProgramError) -> Shape {
    try require(
      x.rank >= 4 && kernel.rank == 4 && kernel[2] == x[x.rank - 1], .window,
      "images [.., height, width, channels] and a kernel [height, width, channels, filters] are expected"
    )
    try windows(attributes.strides, attributes.low, attributes.high)
    let extents = (0..<2).map { axis in
      attributes.outputExtent(axis: axis, image: x[x.rank - 3 + axis], kernel: kernel[axis])
    }
    try require(extents.allSatisfy { $0 > 0 }, .window, "the kernel does not fit the image")
    return Shape(x.dimensions.dropLast(3) + extents + [kernel[3]])
  }

  func pooled(_ attributes: PoolAttributes, _ x: Shape) throws(ProgramError) -> Shape {
    try require(
      x.rank >= 3 && attributes.window.count == 2 && attributes.window.allSatisfy { $0 >= 1 },
      .window, "an image [.., height, width, channels] and a window ≥ 1 are expected")
    let unpadded = ConvolutionAttributes(strides: attributes.strides, low: [0, 0], high: [0, 0])
    try windows(unpadded.strides, unpadded.low, unpadded.high)
    let extents = (0..<2).map { axis in
      unpadded.outputExtent(
        axis: axis, image: x[x.rank - 3 + axis], kernel: attributes.window[axis])
    }
    try require(extents.allSatisfy { $0 > 0 }, .window, "the window does not fit the image")
    return try image(x, height: extents[0], width: extents[1])
  }

  private func windows(_ strides: [Int], _ low: [Int], _ high: [Int]) throws(ProgramError) {
    try require(
      [strides, low, high].allSatisfy { $0.count == 2 } && strides.allSatisfy { $0 >= 1 }
        && (low + high).allSatisfy { $0 >= 0 && $0 <= Self.largestCount }, .window,
      "two strides ≥ 1 and two paddings ≥ 0 a side are expected")
  }

  func dropout(_ attributes: DropoutAttributes, _ x: Shape) throws(ProgramError) {
    try require(
      (0..<1).contains(attributes.rate), .numbers, "the rate \(attributes.rate) is not in [0, 1)")
    try require(
      x.rank >= 3 && x[0] == attributes.streams.count
        && Set(attributes.streams).count == attributes.streams.count, .streams,
      "[passes, examples, .., channels] and a stream a pass are expected")
  }
}
