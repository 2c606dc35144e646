/// A two-dimensional convolution over images [.., height, width, channels]: how far its window moves,
/// and how many zeros surround the image, each as [along the height, along the width].
package struct ConvolutionAttributes: Hashable, Sendable {
  package var strides: [Int]
  /// Zeros above and left of the image.
  package var low: [Int]
  /// Zeros below and right of the image.
  package var high: [Int]

  package init(strides: [Int], low: [Int], high: [Int]) {
    self.strides = strides
    self.low = low
    self.high = high
  }

  /// TensorFlow's "same": ⌈n / stride⌉ outputs; of the total padding max((⌈n/s⌉ − 1)·s + k − n, 0)
  /// the smaller half lies before the image.
  package static func same(image: [Int], kernel: [Int], stride: Int) -> ConvolutionAttributes {
    let total = zip(image, kernel).map { image, kernel in
      max(((image + stride - 1) / stride - 1) * stride + kernel - image, 0)
    }
    return ConvolutionAttributes(
      strides: [stride, stride], low: total.map { $0 / 2 }, high: total.map { $0 - $0 / 2 })
  }

  /// `padding` zeros on every side.
  package static func padded(_ padding: Int, stride: Int) -> ConvolutionAttributes {
    ConvolutionAttributes(
      strides: [stride, stride], low: [padding, padding], high: [padding, padding])
  }

  /// How many windows of `kernel` pixels fit along `axis` (0 or 1) of an image; below 1 where none
  /// does.
  func outputExtent(axis: Int, image: Int, kernel: Int) -> Int {
    let room = image + low[axis] + high[axis] - kernel
    return room < 0 ? 0 : room / strides[axis] + 1
  }
}

/// How a resized pixel is computed from its neighbours.
package enum ResizeMethod: String, Hashable, Sendable {
  /// Pixel ⌊i · in / out⌋ (TensorFlow 1's ResizeNearestNeighbor).
  case nearest
  /// Between the two nearest pixel centres of each axis (TensorFlow 2's ResizeBilinear, without
  /// antialiasing).
  case bilinear
}

/// The mean of each window of `window` pixels, `strides` apart, without padding.
package struct PoolAttributes: Hashable, Sendable {
  package var window: [Int]
  package var strides: [Int]

  package init(window: [Int], strides: [Int]) {
    self.window = window
    self.strides = strides
  }
}

/// Multiplies by 0 with probability `rate`, by 1/(1 − rate) otherwise.
///
/// The operand is [passes, examples, .., channels]; pass i draws from `streams[i]`. A decision is
/// made for every element, or for a whole channel of an example. The draws are those of
/// `RandomStreams`' `DropoutDraws`: the same operation with the same streams draws the same
/// multipliers, so that dropout is its own gradient.
package struct DropoutAttributes: Hashable, Sendable {
  package var rate: Double
  package var streams: [String]
  package var perChannel: Bool

  package init(rate: Double, streams: [String], perChannel: Bool) {
    self.rate = rate
    self.streams = streams
    self.perChannel = perChannel
  }
}
