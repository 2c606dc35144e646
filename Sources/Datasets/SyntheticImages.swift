import RandomStreams

/// Drawings that need no file: an ellipse or a rectangle of one colour on a background that fades
/// from one colour to another, of any size and number of channels.
///
/// Drawing `row` is a function of (seed, row) alone, made anew each time that it is read.
package struct SyntheticImages: ImageSource {
  package let count: Int
  package let shape: ImageShape
  private let stream: RandomStream

  package init(shape: ImageShape, seed: UInt64, count: Int = 60_000) {
    precondition(count > 0 && count <= UInt32.max && shape.elementCount > 0)
    self.count = count
    self.shape = shape
    stream = RandomStream(seed: seed, name: "data/synthetic")
  }

  package var description: String { "\(count) synthetic images of \(shape)" }

  package func read(row: Int, into destination: UnsafeMutablePointer<Float>) {
    let figure = Figure(stream, row: row)
    let (height, width, channels) = (shape.height, shape.width, shape.channels)
    for channel in 0..<channels {
      let paint = Paint(stream, row: row, channel: channel)
      for y in 0..<height {
        let v = (Float(y) + 0.5) / Float(height)
        for x in 0..<width {
          let u = (Float(x) + 0.5) / Float(width)
          let level = figure.contains(u, v) ? paint.figure : paint.background(u, v, figure)
          destination[(y * width + x) * channels + channel] = pixelValue(UInt8(level))
        }
      }
    }
  }
}

/// Where a drawing's figure is, in coordinates in which the image is the unit square, and the
/// direction in which its background fades.
private struct Figure {
  private let isEllipse: Bool
  private let center: (u: Float, v: Float)
  private let inverseRadius: (u: Float, v: Float)
  let fade: Float

  init(_ stream: RandomStream, row: Int) {
    func draw(_ element: Int, _ range: ClosedRange<Float>) -> Float {
      let uniform = Float(stream.uniform(element: element, example: row, step: 0))
      return range.lowerBound + uniform * (range.upperBound - range.lowerBound)
    }
    isEllipse = draw(0, 0...1) < 0.5
    center = (draw(1, 0.3...0.7), draw(2, 0.3...0.7))
    inverseRadius = (1 / draw(3, 0.15...0.4), 1 / draw(4, 0.15...0.4))
    fade = draw(5, 0...1)
  }

  func contains(_ u: Float, _ v: Float) -> Bool {
    let du = ((u - center.u) * inverseRadius.u).magnitude
    let dv = ((v - center.v) * inverseRadius.v).magnitude
    return isEllipse ? du * du + dv * dv <= 1 : max(du, dv) <= 1
  }
}

/// One channel's levels (0 … 255) of a drawing.
private struct Paint {
  let figure: Float
  private let first: Float
  private let last: Float

  init(_ stream: RandomStream, row: Int, channel: Int) {
    func level(_ element: Int) -> Float {
      Float(stream.uniform(element: 8 + 3 * channel + element, example: row, step: 0)) * 255
    }
    figure = level(0)
    first = level(1)
    last = level(2)
  }

  func background(_ u: Float, _ v: Float, _ drawing: Figure) -> Float {
    let position = drawing.fade * u + (1 - drawing.fade) * v
    return first + position * (last - first)
  }
}
