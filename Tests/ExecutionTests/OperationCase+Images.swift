import Program

/// A convolution's sizes.
struct ConvolutionGeometry: Sendable {
  let name: String
  /// [height, width, channels]
  let image: Shape
  /// [height, width, channels, filters]
  let kernel: Shape
  let attributes: ConvolutionAttributes

  init(_ name: String, image: Shape, kernel: Shape, _ attributes: ConvolutionAttributes) {
    (self.name, self.image, self.kernel, self.attributes) = (name, image, kernel, attributes)
  }

  /// [height, width, filters], told from the windows that fit.
  var output: Shape {
    let extents = (0..<2).map { axis in
      let room = image[axis] + attributes.low[axis] + attributes.high[axis] - kernel[axis]
      return room / attributes.strides[axis] + 1
    }
    return Shape(extents + [kernel[3]])
  }

  static let all: [ConvolutionGeometry] = [
    ConvolutionGeometry(
      "3×3 same", image: [7, 6, 4], kernel: [3, 3, 4, 5],
      .same(image: [7, 6], kernel: [3, 3], stride: 1)),
    ConvolutionGeometry(
      "3×3 same, stride 2", image: [8, 7, 16], kernel: [3, 3, 16, 8],
      .same(image: [8, 7], kernel: [3, 3], stride: 2)),
    ConvolutionGeometry(
      "4×4, stride 2", image: [8, 6, 5], kernel: [4, 4, 5, 3], .padded(1, stride: 2)),
    ConvolutionGeometry(
      "padding on one side, unlike strides", image: [6, 5, 3], kernel: [2, 3, 3, 2],
      ConvolutionAttributes(strides: [2, 1], low: [0, 2], high: [1, 0])),
    ConvolutionGeometry(
      "1×1, stride 3", image: [7, 7, 6], kernel: [1, 1, 6, 7], .padded(0, stride: 3)),
    ConvolutionGeometry(
      "few channels", image: [6, 6, 1], kernel: [3, 3, 1, 16],
      .same(image: [6, 6], kernel: [3, 3], stride: 2)),
    ConvolutionGeometry(
      "few filters", image: [5, 6, 16], kernel: [3, 3, 16, 3],
      .same(image: [5, 6], kernel: [3, 3], stride: 1)),
  ]
}

/// Of three examples in each of two passes.
private func images(_ image: Shape) -> Shape { Shape([2, 3] + image.dimensions) }

extension OperationCase {
  /// Makes a convolution's kernel: one that all replicas share, or each replica's own.
  private typealias Kernel = @Sendable (ProgramBuilder, Shape) -> Tensor

  private static func parameter(
    _ builder: ProgramBuilder, _ name: String, _ shape: Shape
  ) -> Tensor {
    builder.variable(name, shape: shape, role: .state, initial: .uniform(bound: 1))
  }

  private static let kernels: [(suffix: String, kernel: Kernel)] = [
    ("", { parameter($0, "kernel", $1) }),
    (", of each replica", { $0.input("kernel", shape: $1) }),
  ]

  static let convolutions: [OperationCase] = ConvolutionGeometry.all.flatMap { geometry in
    let attributes = geometry.attributes
    let (height, width) = (geometry.image[0], geometry.image[1])
    return kernels.flatMap { suffix, kernel in
      [
        OperationCase("convolution, \(geometry.name)\(suffix)") { builder, source in
          source("x", images(geometry.image)).convolution(
            kernel(builder, geometry.kernel), attributes)
        },
        OperationCase("transposed convolution, \(geometry.name)\(suffix)") { builder, source in
          source("y", images(geometry.output)).transposedConvolution(
            kernel(builder, geometry.kernel), attributes, height: height, width: width)
        },
      ]
    } + [
      OperationCase("kernel gradient, \(geometry.name)") { builder, source in
        builder.append(
          .kernelGradient(attributes, height: geometry.kernel[0], width: geometry.kernel[1]),
          [source("x", images(geometry.image)), source("dy", images(geometry.output))])[0]
      }
    ]
  }

  static let biasedConvolutions: [OperationCase] =
    [ConvolutionGeometry.all[0], ConvolutionGeometry.all[6]].flatMap { geometry in
      [Activation.identity, .tanh, .sigmoid, .leakyReLU(slope: 0.2), .relu].map { activation in
        OperationCase("biased convolution, \(geometry.name), \(activation)") { builder, source in
          builder.append(
            .biasedConvolution(geometry.attributes, activation),
            [
              source("x", images(geometry.image)), parameter(builder, "kernel", geometry.kernel),
              parameter(builder, "bias", [geometry.kernel[3]]),
            ])[0]
        }
      }
    }

  /// Shared by all replicas, and of each.
  static let upscaledKernels: [OperationCase] = [
    OperationCase("upscaled kernel") { builder, source in
      let x = source("x", images([4, 5, 3]))
      let kernel = builder.append(
        .upscaledKernel, [parameter(builder, "kernel", [3, 3, 3, 4])])[0]
      return x.transposedConvolution(kernel, .padded(1, stride: 2), height: 8, width: 10)
    },
    OperationCase("gradient of an upscaled kernel") { builder, source in
      let gradient = builder.append(
        .kernelGradient(.padded(1, stride: 2), height: 4, width: 4),
        [source("dy", images([8, 10, 4])), source("x", images([4, 5, 3]))])[0]
      return builder.append(.upscaledKernelGradient, [gradient])[0]
    },
  ]

  static func resizings(_ method: ResizeMethod) -> [OperationCase] {
    [(10, 12), (7, 3), (2, 9), (5, 6)].flatMap { height, width -> [OperationCase] in
      let size = "\(height)×\(width)"
      return [
        OperationCase("\(method) to \(size)") { _, source in
          source("x", images([5, 6, 3])).resized(method, height: height, width: width)
        },
        OperationCase("gradient of \(method) to \(size)") { builder, source in
          let dy = source("dy", images([height, width, 3]))
          return builder.append(.resizeGradient(method, height: 5, width: 6), [dy])[0]
        },
      ]
    }
  }

  static let upscalings: [OperationCase] = [1, 2, 3].flatMap { factor -> [OperationCase] in
    [
      OperationCase("upscale by \(factor)") { _, source in
        source("x", images([3, 4, 5])).upscaled(by: factor)
      },
      OperationCase("gradient of upscaling by \(factor)") { builder, source in
        let dy = source("dy", images([6, 12, 5]))
        return builder.append(.upscaleGradient(factor: factor), [dy])[0]
      },
    ]
  }

  static let pools: [OperationCase] = [
    (PoolAttributes(window: [2, 2], strides: [2, 2]), Shape([3, 4, 3])),
    (PoolAttributes(window: [3, 2], strides: [1, 3]), Shape([4, 3, 3])),
  ].flatMap { pool, pooled -> [OperationCase] in
    [
      OperationCase("average of \(pool.window), strides \(pool.strides)") { _, source in
        source("x", images([6, 8, 3])).averagePooled(pool)
      },
      OperationCase("gradient of the average of \(pool.window)") { builder, source in
        let dy = source("dy", images(pooled))
        return builder.append(.averagePoolGradient(pool, height: 6, width: 8), [dy])[0]
      },
    ]
  }

  /// Drawn with few bits and with many, for each element and for each channel.
  private static let dropoutAttributes: [DropoutAttributes] = [0.25, 0.3].flatMap { rate in
    [false, true].map { perChannel in
      DropoutAttributes(
        rate: rate, streams: ["dropout/generated", "dropout/real"], perChannel: perChannel)
    }
  }

  /// For all replicas together: nothing else here is an operation on images.
  static let dropouts: [OperationCase] = dropoutAttributes.flatMap { dropout -> [OperationCase] in
    let name = "dropout \(dropout.rate)" + (dropout.perChannel ? " of channels" : "")
    return [
      OperationCase(name) { _, source in source("x", images([3, 4, 5])).dropout(dropout) },
      OperationCase("\(name) of rows") { _, source in source("x", [2, 3, 37]).dropout(dropout) },
    ]
  }

  /// Replica by replica, between convolutions.
  static let dropoutsInLoops: [OperationCase] = dropoutAttributes.map { dropout in
    OperationCase(
      "dropout \(dropout.rate) in a loop" + (dropout.perChannel ? " of channels" : "")
    ) { _, source in
      let x = source("x", images([3, 4, 5])).upscaled(by: 2)
      return x.dropout(dropout).averagePooled(PoolAttributes(window: [2, 2], strides: [2, 2]))
    }
  }

  /// Batch norm of each pass, as fusion leaves it, with its gradient, between operations on images.
  static let normalizationsInLoops: [OperationCase] =
    ([nil] + dropoutAttributes).flatMap { dropout in
      [Activation.tanh, .leakyReLU(slope: 0.2)].map { activation in
        normalizationInLoop(activation, dropout)
      }
    }

  private static func normalizationInLoop(
    _ activation: Activation, _ dropout: DropoutAttributes?
  ) -> OperationCase {
    let attributes = BatchNormAttributes(
      axes: [1, 2, 3], epsilon: 1e-3, activation: activation, dropout: dropout)
    let thinned = dropout.map { ", dropout \($0.rate), channels \($0.perChannel)" } ?? ""
    return OperationCase("batch norm, \(activation)\(thinned)") { builder, source in
      let x = source("x", images([2, 3, 5])).upscaled(by: 2)
      let (scale, shift) = (parameter(builder, "scale", [5]), parameter(builder, "shift", [5]))
      let forward = builder.append(.batchNorm(attributes), [x, scale, shift])
      let backward = builder.append(
        .batchNormGradient(attributes),
        [source("dy", x.shape), x, scale, forward[1], forward[2], shift])
      let pool = PoolAttributes(window: [2, 2], strides: [2, 2])
      let pooled = [forward[0].averagePooled(pool), backward[0].averagePooled(pool)]
      return pooled + forward.dropFirst() + backward.dropFirst()
    }
  }
}
