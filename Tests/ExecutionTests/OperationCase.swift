import Program
import Testing

/// A small program around one operation.
struct OperationCase: Sendable, CustomTestStringConvertible {
  /// Makes a tensor of a name and a shape, laid out as the test says.
  typealias Source = (_ name: String, _ shape: Shape) -> Tensor

  let name: String
  /// Appends the operation and returns its results.
  let results: @Sendable (ProgramBuilder, Source) -> [Tensor]

  init(_ name: String, results: @escaping @Sendable (ProgramBuilder, Source) -> [Tensor]) {
    self.name = name
    self.results = results
  }

  init(_ name: String, result: @escaping @Sendable (ProgramBuilder, Source) -> Tensor) {
    self.name = name
    results = { [result($0, $1)] }
  }

  var testDescription: String { name }

  func program(_ layout: Layout) throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: name)
    let results = results(builder) { layout.source(builder, $0, $1) }
    for (index, result) in results.enumerated() { builder.output("result_\(index)", result) }
    return try builder.finish()
  }
}

private let passes = 3
private let shape: Shape = [passes, 4, 5]

extension OperationCase {
  static let unary: [OperationCase] =
    [
      .negate, .exp, .square, .absolute, .tanh, .sigmoid, .leakyReLU(slope: 0.2),
      .leakyReLU(slope: 0), .clamp(low: -0.5, high: 1),
    ].map { (function: Elementwise) in
      OperationCase("\(function)") { _, source in source("x", shape).apply(function) }
    } + [
      // Logarithms and roots of numbers above 0.
      OperationCase("log") { _, source in (source("x", shape).square() + 0.25).log() },
      OperationCase("squareRoot") { _, source in (source("x", shape).square() + 0.25).squareRoot()
      },
    ]

  private static let binaryFunctions: [Elementwise] = [
    .add, .subtract, .multiply, .maximum, .minimum, .greater, .tanhGradient, .sigmoidGradient,
    .leakyReLUGradient(slope: 0.2), .clampGradient(low: -0.5, high: 1),
  ]

  static let binary: [OperationCase] =
    binaryFunctions.map { function in
      OperationCase("\(function)") { _, source in
        source("x", shape).apply(function, source("y", shape))
      }
    } + [
      OperationCase("divide") { _, source in
        source("x", shape) / (source("y", shape).square() + 0.5)
      }
    ]

  /// Broadcasting, and operands of unlike layouts.
  static let mixed: [OperationCase] = [
    OperationCase("row") { builder, source in
      source("x", shape) * builder.input("row", shape: [5])
    },
    OperationCase("column") { builder, source in
      source("x", shape) - builder.input("column", shape: [4, 1])
    },
    OperationCase("pass") { _, source in
      source("x", shape) + source("each", [passes, 1, 1])
    },
    OperationCase("both stretch") { _, source in
      source("x", [passes, 1, 5]) * source("y", [passes, 4, 1])
    },
    OperationCase("scalar on the left") { builder, source in
      builder.input("scalar", shape: []) - source("x", shape)
    },
    OperationCase("constant") { builder, source in
      source("x", shape) * 0.3 + builder.constant(-1.5, shape: [4, 5])
    },
    OperationCase("replica constant") { builder, source in
      builder.replicaConstant([0.5, -1, 2, 3]) * source("x", shape)
    },
    OperationCase("parameter row") { builder, source in
      let row = builder.variable("row", shape: [5], role: .state, initial: .uniform(bound: 1))
      return source("x", shape).apply(.maximum, row)
    },
    OperationCase("replica-major operand on the right") { builder, source in
      source("x", shape) * builder.input("y", shape: shape)
    },
    OperationCase("replica-major operand on the left") { builder, source in
      builder.input("y", shape: shape) - source("x", shape)
    },
  ]

  static let sums: [OperationCase] = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]].map {
    axes in
    OperationCase("sum \(axes)") { _, source in source("x", shape).sum(axes: axes) }
  }

  static let shapes: [OperationCase] =
    [
      OperationCase("broadcast a row") { _, source in
        source("x", [passes, 5]).sum(axes: [0]).broadcast(to: [2, 3, 5])
      },
      OperationCase("broadcast in place") { _, source in
        source("x", [passes, 1, 5]).broadcast(to: [passes, 4, 5])
      },
      OperationCase("broadcast to more axes") { _, source in
        source("x", shape).broadcast(to: [2, passes, 4, 5])
      },
      OperationCase("reshape the inner axes") { _, source in
        source("x", shape).reshaped([passes, 20])
      },
      OperationCase("reshape the first axis away") { _, source in
        source("x", shape).reshaped([12, 5])
      },
      OperationCase("reshape to one axis") { _, source in source("x", shape).reshaped([60]) },
      OperationCase("reshape across the passes") { _, source in
        source("x", shape).reshaped([5, 12])
      },
      OperationCase("reshape to more axes") { _, source in
        source("x", shape).reshaped([1, passes, 2, 2, 5])
      },
      OperationCase("pad") { _, source in
        source("x", shape).padded(low: [1, 0, 2], high: [0, 3, 1])
      },
      OperationCase("pad the last axis") { _, source in
        source("x", shape).padded(low: [0, 0, 0], high: [0, 0, 1])
      },
      OperationCase("slice of passes") { _, source in
        source("x", shape).slice(from: [1, 0, 0], to: [3, 4, 5])
      },
      OperationCase("entries") { _, source in
        let x = source("x", shape)
        return (0..<passes).map { x.entry($0) * Double($0 + 1) }.reduce(x.entry(0), +)
      },
      OperationCase("slice inside") { _, source in
        source("x", shape).slice(from: [0, 1, 2], to: [2, 3, 5])
      },
      OperationCase("stop gradient") { _, source in source("x", shape).stopGradient() * 2 },
    ]
    + [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].map { permutation in
      OperationCase("transpose \(permutation)") { _, source in
        source("x", shape).transposed(permutation)
      }
    }
    + (0..<3).map { axis in
      OperationCase("concatenate along \(axis)") { builder, source in
        let x = source("x", shape)
        var longer = shape.dimensions
        longer[axis] += 2
        let y = source("y", Shape(longer))
        return builder.concatenate([x, y, x + 1], axis: axis)
      }
    }

  private static let activations: [Activation] = [
    .identity, .tanh, .sigmoid, .leakyReLU(slope: 0.2), .relu,
  ]

  private static func matrix(_ builder: ProgramBuilder, _ shape: Shape) -> Tensor {
    builder.variable("matrix", shape: shape, role: .state, initial: .uniform(bound: 1))
  }

  static let products: [OperationCase] =
    [
      OperationCase("plain") { builder, source in
        source("x", shape).product(matrix(builder, [5, 7]))
      },
      OperationCase("plain, one column") { builder, source in
        source("x", [passes, 4, 33]).product(matrix(builder, [33, 1]))
      },
      OperationCase("transposed right") { builder, source in
        source("x", shape).product(matrix(builder, [7, 5]), .transposedRight)
      },
      OperationCase("transposed right, one column") { builder, source in
        source("x", [passes, 4, 1]).product(matrix(builder, [33, 1]), .transposedRight)
      },
      OperationCase("transposed left") { _, source in
        source("x", shape).product(source("y", [passes, 4, 17]), .transposedLeft)
      },
      OperationCase("transposed left, one column") { _, source in
        source("x", [passes, 4, 33]).product(source("y", [passes, 4, 1]), .transposedLeft)
      },
    ]
    + [
      OperationCase("transposed left, one row") { _, source in
        source("x", [passes, 1, 33]).product(source("y", [passes, 1, 17]), .transposedLeft)
      }
    ]
    + activations.map { activation in
      OperationCase("dense, \(activation)") { builder, source in
        let bias = builder.variable("bias", shape: [7], role: .state, initial: .uniform(bound: 1))
        return builder.append(
          .dense(activation), [source("x", shape), matrix(builder, [5, 7]), bias])[0]
      }
    }
    + activations.map { activation in
      OperationCase("dense of one column, \(activation)") { builder, source in
        let bias = builder.variable("bias", shape: [1], role: .state, initial: .constant(0.3))
        return builder.append(
          .dense(activation), [source("x", shape), matrix(builder, [5, 1]), bias])[0]
      }
    }

  /// Each replica's rows through a matrix of its own.
  static let ownMatrices: [OperationCase] = [
    OperationCase("plain") { builder, source in
      source("x", shape).product(builder.input("matrix", shape: [5, 7]))
    },
    OperationCase("transposed right") { builder, source in
      source("x", shape).product(builder.input("matrix", shape: [7, 5]), .transposedRight)
    },
  ]

  /// Statistics over the given axes of a tensor of rank 3.
  static func normalizations(over axes: [Int]) -> [OperationCase] {
    activations.flatMap { activation -> [OperationCase] in
      let attributes = BatchNormAttributes(axes: axes, epsilon: 1e-3, activation: activation)
      return [
        OperationCase("batch norm over \(axes), \(activation)") { builder, source in
          let (scale, shift) = scaleAndShift(builder)
          return builder.append(.batchNorm(attributes), [source("x", shape), scale, shift])
        },
        OperationCase("gradient of batch norm over \(axes), \(activation)") { builder, source in
          let (scale, shift) = scaleAndShift(builder)
          let x = source("x", shape)
          let forward = builder.append(.batchNorm(attributes), [x, scale, shift])
          return builder.append(
            .batchNormGradient(attributes),
            [source("dy", shape), x, scale, forward[1], forward[2]]
              + (activation == .identity ? [] : [shift]))
        },
      ]
    }
  }

  private static func scaleAndShift(_ builder: ProgramBuilder) -> (Tensor, Tensor) {
    (
      builder.variable("scale", shape: [5], role: .state, initial: .uniform(bound: 2)),
      builder.variable("shift", shape: [5], role: .state, initial: .uniform(bound: 1))
    )
  }

  /// dy and y in one layout, which need a replica axis.
  static let activationGradients: [OperationCase] = activations.map { activation in
    OperationCase("gradient and bias of \(activation)") { builder, source in
      builder.append(
        .activationGradientBias(activation), [source("dy", shape), source("y", shape)])
    }
  }

  /// Sums over the replicas.
  static let reductions: [OperationCase] = [Reduction.mean, .sum].flatMap { reduction in
    [
      OperationCase("all-reduce, \(reduction)") { _, source in
        source("x", shape).allReduce(reduction)
      },
      OperationCase("reduced product, \(reduction)") { builder, source in
        builder.append(
          .reducedProduct(reduction), [source("x", shape), source("y", [passes, 4, 17])])[0]
      },
      OperationCase("reduced product of one column, \(reduction)") { builder, source in
        builder.append(
          .reducedProduct(reduction), [source("x", shape), source("y", [passes, 4, 1])])[0]
      },
    ]
  }
}
