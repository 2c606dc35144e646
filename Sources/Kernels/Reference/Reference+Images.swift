/// How a resized pixel is computed from its neighbours.
package enum ResizeKernel: Hashable, Sendable {
  /// Pixel ⌊i · in / out⌋.
  case nearest
  /// Between the two nearest pixels at (i + ½) · in / out − ½, the border repeated: TensorFlow 2's
  /// half-pixel centres, without antialiasing.
  case bilinear

  /// The two pixels along an axis that output pixel `index` lies between, and the second one's
  /// weight; of `nearest`, the pixel twice and 0.
  func taps(_ index: Int, from input: Int, to output: Int) -> (Int, Int, weight: Double) {
    switch self {
    case .nearest:
      let source = index * input / output
      return (source, source, 0)
    case .bilinear:
      let centre = (Double(index) + 0.5) * Double(input) / Double(output) - 0.5
      let first = centre.rounded(.down)
      let clamped = { (pixel: Double) in min(max(Int(pixel), 0), input - 1) }
      return (clamped(first), clamped(first + 1), centre - first)
    }
  }
}

/// Images of any number of leading axes: [.., height, width, channels].
extension Reference {
  package static func resize(
    _ x: DoubleTensor, height: Int, width: Int, method: ResizeKernel
  ) -> DoubleTensor {
    var y = DoubleTensor(shape: x.shape.dropLast(3) + [height, width, x.shape[x.shape.count - 1]])
    forEachTap(of: method, small: x.shape, large: y.shape) { input, output, weight in
      y.values[output] += weight * x.values[input]
    }
    return y
  }

  /// The transpose of `resize`: from its result's cotangent to that of an image of
  /// `height` × `width`.
  package static func resizeGradient(
    _ dy: DoubleTensor, height: Int, width: Int, method: ResizeKernel
  ) -> DoubleTensor {
    var dx = DoubleTensor(
      shape: dy.shape.dropLast(3) + [height, width, dy.shape[dy.shape.count - 1]])
    forEachTap(of: method, small: dx.shape, large: dy.shape) { input, output, weight in
      dx.values[input] += weight * dy.values[output]
    }
    return dx
  }

  /// Calls `body` with the flat index of every element of the result and each one of the input that
  /// it depends on, with its weight.
  private static func forEachTap(
    of method: ResizeKernel, small input: [Int], large output: [Int],
    _ body: (_ input: Int, _ output: Int, _ weight: Double) -> Void
  ) {
    let (from, to) = (Array(input.suffix(3)), Array(output.suffix(3)))
    let channels = to[2]
    for image in 0..<output.dropLast(3).reduce(1, *) {
      for i in 0..<to[0] {
        let rows = method.taps(i, from: from[0], to: to[0])
        for j in 0..<to[1] {
          let columns = method.taps(j, from: from[1], to: to[1])
          for (row, rowWeight) in [(rows.0, 1 - rows.weight), (rows.1, rows.weight)] {
            for (column, columnWeight) in [
              (columns.0, 1 - columns.weight), (columns.1, columns.weight),
            ] {
              for channel in 0..<channels {
                body(
                  ((image * from[0] + row) * from[1] + column) * channels + channel,
                  ((image * to[0] + i) * to[1] + j) * channels + channel, rowWeight * columnWeight)
              }
            }
          }
        }
      }
    }
  }

  /// The mean of each window, without padding.
  package static func averagePool(
    _ x: DoubleTensor, window: (height: Int, width: Int), stride: (height: Int, width: Int)
  ) -> DoubleTensor {
    let image = Array(x.shape.suffix(3))
    let extents = [
      (image[0] - window.height) / stride.height + 1, (image[1] - window.width) / stride.width + 1,
    ]
    var y = DoubleTensor(shape: x.shape.dropLast(3) + extents + [image[2]])
    let weight = 1 / Double(window.height * window.width)
    forEachPooled(image: x.shape, pooled: y.shape, window, stride) { input, output in
      y.values[output] += weight * x.values[input]
    }
    return y
  }

  /// The transpose of `averagePool`, for images of `height` × `width`.
  package static func averagePoolGradient(
    _ dy: DoubleTensor, window: (height: Int, width: Int), stride: (height: Int, width: Int),
    height: Int, width: Int
  ) -> DoubleTensor {
    var dx = DoubleTensor(
      shape: dy.shape.dropLast(3) + [height, width, dy.shape[dy.shape.count - 1]])
    let weight = 1 / Double(window.height * window.width)
    forEachPooled(image: dx.shape, pooled: dy.shape, window, stride) { input, output in
      dx.values[input] += weight * dy.values[output]
    }
    return dx
  }

  private static func forEachPooled(
    image: [Int], pooled: [Int], _ window: (height: Int, width: Int),
    _ stride: (height: Int, width: Int), _ body: (_ input: Int, _ output: Int) -> Void
  ) {
    let (from, to) = (Array(image.suffix(3)), Array(pooled.suffix(3)))
    for image in 0..<pooled.dropLast(3).reduce(1, *) {
      for i in 0..<to[0] {
        for j in 0..<to[1] {
          for u in 0..<window.height {
            for v in 0..<window.width {
              let (row, column) = (i * stride.height + u, j * stride.width + v)
              for channel in 0..<to[2] {
                body(
                  ((image * from[0] + row) * from[1] + column) * from[2] + channel,
                  ((image * to[0] + i) * to[1] + j) * to[2] + channel)
              }
            }
          }
        }
      }
    }
  }
}
