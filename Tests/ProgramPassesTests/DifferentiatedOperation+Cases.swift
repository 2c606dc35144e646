import Program

private let shape: Shape = [2, 3, 4]

extension DifferentiatedOperation {
  private static let functionsOfOne: [Elementwise] = [
    .negate, .exp, .square, .absolute, .tanh, .sigmoid, .leakyReLU(slope: 0.2),
    .leakyReLU(slope: 0), .clamp(low: -0.8, high: 1.1),
  ]

  private static let functionsOfTwo: [Elementwise] = [
    .add, .subtract, .multiply, .divide, .maximum, .minimum, .tanhGradient, .sigmoidGradient,
    .leakyReLUGradient(slope: 0.2), .clampGradient(low: -0.8, high: 1.1),
  ]

  static let elementwise: [DifferentiatedOperation] =
    functionsOfOne.map { function in
      DifferentiatedOperation("\(function)") { _, source in source("x", shape).apply(function) }
    }
    + [
      DifferentiatedOperation("log") { _, source in (source("x", shape).square() + 0.5).log() },
      DifferentiatedOperation("squareRoot") { _, source in
        (source("x", shape).square() + 0.5).squareRoot()
      },
    ]
    + functionsOfTwo.map { function in
      DifferentiatedOperation("\(function)") { _, source in
        source("a", shape).apply(function, source("b", shape))
      }
    }

  /// Either operand is repeated along axes that it has, that it lacks, or both.
  static let broadcastOperands: [DifferentiatedOperation] = [
    ([4], shape.dimensions), (shape.dimensions, [3, 1]), ([2, 1, 4], [3, 1]), ([], [2, 3]),
    ([2, 3], []), ([1], [5]),
  ].flatMap { a, b in
    [Elementwise.add, .subtract, .multiply, .divide, .maximum, .minimum].map { function in
      DifferentiatedOperation("\(function) of \(a) and \(b)") { _, source in
        source("a", Shape(a)).apply(function, source("b", Shape(b)))
      }
    }
  }

  static let products: [DifferentiatedOperation] = [
    DifferentiatedOperation("plain") { _, source in
      source("x", shape).product(source("w", [4, 5]))
    },
    DifferentiatedOperation("plain of a vector") { _, source in
      source("x", [4]).product(source("w", [4, 5]))
    },
    DifferentiatedOperation("transposed right") { _, source in
      source("x", shape).product(source("w", [5, 4]), .transposedRight)
    },
    DifferentiatedOperation("transposed left") { _, source in
      source("x", shape).product(source("y", [2, 3, 5]), .transposedLeft)
    },
    DifferentiatedOperation("square of a matrix") { _, source in
      let x = source("x", [3, 3])
      return x.product(x)
    },
  ]

  static let shapes: [DifferentiatedOperation] =
    [[0], [1], [0, 2], [0, 1, 2]].map { axes in
      DifferentiatedOperation("sum over \(axes)") { _, source in
        source("x", shape).square().sum(axes: axes)
      }
    } + [
      DifferentiatedOperation("broadcast") { _, source in
        source("x", [3, 1]).broadcast(to: shape).square()
      },
      DifferentiatedOperation("reshape") { _, source in
        source("x", shape).square().reshaped([4, 6])
      },
      DifferentiatedOperation("transpose") { _, source in
        source("x", shape).square().transposed([2, 0, 1])
      },
      DifferentiatedOperation("pad") { _, source in
        source("x", shape).square().padded(low: [1, 0, 2], high: [0, 3, 1])
      },
      DifferentiatedOperation("slice") { _, source in
        source("x", shape).square().slice(from: [0, 1, 1], to: [1, 3, 3])
      },
      DifferentiatedOperation("entry") { _, source in source("x", shape).square().entry(1) },
      DifferentiatedOperation("mean") { _, source in source("x", shape).square().mean() },
    ]
    + (0..<3).map { axis in
      DifferentiatedOperation("concatenate along \(axis)") { builder, source in
        var other = shape
        other.dimensions[axis] = 1
        let x = source("x", shape)
        return builder.concatenate([x, source("y", other), x], axis: axis).square()
      }
    }

  static let normalizations: [DifferentiatedOperation] = [[1], [0, 1], [0]].map { axes in
    DifferentiatedOperation("batch norm over \(axes)") { _, source in
      source("x", [4, 5, 3]).batchNorm(
        scale: source("gamma", [3]), shift: source("beta", [3]),
        BatchNormAttributes(axes: axes, epsilon: 1e-2)
      ).normalized
    }
  }

  /// What objectives are made of.
  static let formulas: [DifferentiatedOperation] = [
    DifferentiatedOperation("cross-entropy of a sigmoid") { _, source in
      let p = source("x", [8]).activated(.sigmoid).clamped(1e-7, 1 - 1e-7)
      return -p.log().mean() - (1 - p).log().mean()
    },
    DifferentiatedOperation("weights from losses") { _, source in
      let (a, b) = (source("a", [4]).square().mean(), source("b", [4]).square().mean())
      let share = a / (a + b)
      return a * share + b * (1 - share)
    },
    DifferentiatedOperation("moving normalisation") { _, source in
      (source("x", [3, 4]) - source("mean", [4]))
        / (source("variance", [4]).square() + 1e-3).squareRoot()
    },
  ]
}
