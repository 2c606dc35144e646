import Program

/// Images [examples, height, width, channels], or with passes before.
private struct Geometry {
  let name: String
  /// The axes before [height, width, channels].
  let leading: [Int]
  let image: [Int]
  let kernel: [Int]
  let channels: Int
  let filters: Int
  let attributes: ConvolutionAttributes

  var images: Shape { Shape(leading + image + [channels]) }
  var kernels: Shape { Shape(kernel + [channels, filters]) }
  var outputs: Shape {
    let extents = (0..<2).map { axis in
      let room = image[axis] + attributes.low[axis] + attributes.high[axis] - kernel[axis]
      return room / attributes.strides[axis] + 1
    }
    return Shape(leading + extents + [filters])
  }

  static let all: [Geometry] = [
    Geometry(
      name: "same", leading: [2], image: [4, 3], kernel: [3, 3], channels: 2, filters: 2,
      attributes: .same(image: [4, 3], kernel: [3, 3], stride: 1)),
    Geometry(
      name: "same, stride 2", leading: [2], image: [4, 5], kernel: [3, 3], channels: 1, filters: 3,
      attributes: .same(image: [4, 5], kernel: [3, 3], stride: 2)),
    Geometry(
      name: "padding on one side, unlike strides", leading: [1], image: [5, 4], kernel: [2, 3],
      channels: 2, filters: 1,
      attributes: ConvolutionAttributes(strides: [2, 1], low: [0, 2], high: [1, 0])),
    Geometry(
      name: "passes, padding beyond the kernel", leading: [2, 2], image: [3, 3], kernel: [2, 2],
      channels: 1, filters: 2,
      attributes: ConvolutionAttributes(strides: [2, 2], low: [1, 1], high: [3, 0])),
    Geometry(
      name: "one pixel, stride 2", leading: [1, 2], image: [3, 4], kernel: [1, 1], channels: 2,
      filters: 2, attributes: .padded(0, stride: 2)),
  ]
}

extension DifferentiatedOperation {
  static let convolutions: [DifferentiatedOperation] = Geometry.all.flatMap { geometry in
    [
      DifferentiatedOperation("convolution, \(geometry.name)") { _, source in
        source("x", geometry.images).convolution(
          source("kernel", geometry.kernels), geometry.attributes)
      },
      DifferentiatedOperation("transposed convolution, \(geometry.name)") { _, source in
        source("y", geometry.outputs).transposedConvolution(
          source("kernel", geometry.kernels), geometry.attributes, height: geometry.image[0],
          width: geometry.image[1])
      },
      DifferentiatedOperation("kernel gradient, \(geometry.name)") { builder, source in
        builder.append(
          .kernelGradient(
            geometry.attributes, height: geometry.kernel[0], width: geometry.kernel[1]),
          [source("x", geometry.images), source("dy", geometry.outputs)])[0]
      },
    ]
  }

  /// Squared, so that the second derivative is not zero throughout.
  private static func ofImages(
    _ name: String, _ shape: Shape, _ operation: Operation
  ) -> DifferentiatedOperation {
    DifferentiatedOperation(name) { builder, source in
      builder.append(operation, [source("x", shape).square()])[0]
    }
  }

  static let sizes: [DifferentiatedOperation] =
    [ResizeMethod.nearest, .bilinear].flatMap { method in
      [
        ofImages("\(method), larger", [2, 3, 2, 2], .resize(method, height: 5, width: 4)),
        ofImages("\(method), smaller", [1, 2, 4, 3, 1], .resize(method, height: 2, width: 2)),
        ofImages(
          "gradient of \(method)", [2, 5, 4, 2], .resizeGradient(method, height: 3, width: 2)),
        ofImages(
          "gradient of \(method), to a larger image", [1, 2, 2, 1],
          .resizeGradient(method, height: 4, width: 3)),
      ]
    } + [
      ofImages("upscale", [2, 2, 3, 2], .upscale(factor: 2)),
      ofImages("gradient of upscaling", [2, 4, 6, 1], .upscaleGradient(factor: 2)),
      ofImages(
        "average pool", [2, 5, 4, 2],
        .averagePool(PoolAttributes(window: [2, 2], strides: [2, 1]))),
      ofImages(
        "gradient of the average pool", [2, 2, 3, 2],
        .averagePoolGradient(
          PoolAttributes(window: [2, 2], strides: [2, 1]), height: 5, width: 4)),
    ]

  /// The draws are those of the first step, whatever the operand.
  static let dropouts: [DifferentiatedOperation] = [false, true].map { perChannel in
    ofImages(
      perChannel ? "dropout of channels" : "dropout", [2, 2, 2, 3, 3],
      .dropout(
        DropoutAttributes(
          rate: 0.25, streams: ["dropout/generated", "dropout/real"], perChannel: perChannel)))
  }

  /// What networks make of these: an image twice as large, convolved, normalised and thinned out.
  static let layersOfImages: [DifferentiatedOperation] = [
    DifferentiatedOperation("upscale and convolution") { _, source in
      source("x", [2, 2, 3, 2]).upscaled(by: 2).convolution(
        source("kernel", [3, 3, 2, 2]), .padded(1, stride: 1)
      ).activated(.tanh)
    },
    DifferentiatedOperation("convolution, bias, sigmoid and average") { _, source in
      let x = source("x", [2, 4, 4, 1]).convolution(
        source("kernel", [3, 3, 1, 2]), .same(image: [4, 4], kernel: [3, 3], stride: 1))
      return (x + source("bias", [2])).activated(.sigmoid).averagePooled(
        PoolAttributes(window: [2, 2], strides: [2, 2]))
    },
  ]
}
