import Program

extension Violation {
  /// Of the images %5 [2, 3, 6, 6, 4] and the kernel %6 [3, 3, 4, 5].
  static let ofImages: [Violation] = [
    Violation(
      .window,
      "%9 = convolution %5, %1 {strides = [1, 1], low = [0, 0], high = [0, 0]} : each [8, 5]",
      "convolution of each [2, 3, 6, 6, 4], [5, 7]: \(imagesAndKernel)"),
    Violation(
      .window,
      "%9 = convolution %0, %6 {strides = [1, 1], low = [0, 0], high = [0, 0]} : each [8, 5]",
      "convolution of each [8, 5], [3, 3, 4, 5]: \(imagesAndKernel)"),
    Violation(
      .window,
      "%9 = convolution %6, %5 {strides = [1, 1], low = [0, 0], high = [0, 0]} : each [8, 5]",
      "convolution of [3, 3, 4, 5], each [2, 3, 6, 6, 4]: \(imagesAndKernel)"),
    Violation(
      .window,
      "%9 = convolution %5, %6 {strides = [0, 1], low = [0, 0], high = [0, 0]} : each [8, 5]",
      "convolution of \(operands): \(stridesAndPaddings)"),
    Violation(
      .window,
      "%9 = convolution %5, %6 {strides = [1, 1], low = [0, -1], high = [0, 0]} : each [8, 5]",
      "convolution of \(operands): \(stridesAndPaddings)"),
    Violation(
      .window,
      "%9 = convolution %5, %6 {strides = [1], low = [0, 0], high = [0, 0]} : each [8, 5]",
      "convolution of \(operands): \(stridesAndPaddings)"),
    Violation(
      .window,
      "%8 = constant {value = 0, shape = [7, 3, 4, 5]} : [7, 3, 4, 5]\n"
        + "%9 = convolution %5, %8 {strides = [1, 1], low = [0, 0], high = [0, 0]} : each [8, 5]",
      "convolution of each [2, 3, 6, 6, 4], [7, 3, 4, 5]: the kernel does not fit the image"),
    Violation(
      .window,
      "%8 = constant {value = 0, shape = [4]} : [4]\n"
        + "%9 = biased_convolution %5, %6, %8"
        + " {strides = [1, 1], low = [1, 1], high = [1, 1], activation = \"tanh\"} : each [8, 5]",
      "biased_convolution of \(operands), [4]: the bias must be one number a filter"),
    Violation(
      .window,
      "%8 = input {name = \"y\", shape = [2, 3, 3, 3, 5]} : each [2, 3, 3, 3, 5]\n"
        + "%9 = transposed_convolution %8, %6"
        + " {strides = [1, 1], low = [1, 1], high = [1, 1], height = 6, width = 6} : each [8, 5]",
      "transposed_convolution of each [2, 3, 3, 3, 5], [3, 3, 4, 5]:"
        + " an image of [2, 3, 6, 6, 4] is convolved to [2, 3, 6, 6, 5]"),
    Violation(
      .window,
      "%9 = kernel_gradient %5, %5"
        + " {strides = [2, 2], low = [1, 1], high = [1, 1], height = 3, width = 3} : each [8, 5]",
      "kernel_gradient of each [2, 3, 6, 6, 4], each [2, 3, 6, 6, 4]:"
        + " a kernel of [3, 3, 4, 4] convolves to [2, 3, 3, 3, 4]"),
    Violation(
      .positiveExtents,
      "%9 = resize_nearest %5 {height = 0, width = 4} : each [8, 5]",
      "resize_nearest of each [2, 3, 6, 6, 4]: [2, 3, 0, 4, 4] is empty or too large"),
    Violation(
      .window, "%9 = resize_bilinear %0 {height = 4, width = 4} : each [8, 5]",
      "resize_bilinear of each [8, 5]: an image [.., height, width, channels] is expected"),
    Violation(
      .window, "%9 = upscale %5 {factor = 0} : each [8, 5]",
      "upscale of each [2, 3, 6, 6, 4]: \(imageAndFactor)"),
    Violation(
      .positiveExtents, "%9 = upscale %5 {factor = 1048576} : each [8, 5]",
      "upscale of each [2, 3, 6, 6, 4]: [2, 3, 6291456, 6291456, 4] is empty or too large"),
    Violation(
      .window, "%9 = upscale_gradient %5 {factor = 4} : each [8, 5]",
      "upscale_gradient of each [2, 3, 6, 6, 4]: 4 does not divide the image's height and width"),
    Violation(
      .window, "%9 = average_pool %5 {window = [7, 1], strides = [1, 1]} : each [8, 5]",
      "average_pool of each [2, 3, 6, 6, 4]: the window does not fit the image"),
    Violation(
      .window,
      "%9 = average_pool_gradient %5"
        + " {window = [2, 2], strides = [2, 2], height = 6, width = 6} : each [8, 5]",
      "average_pool_gradient of each [2, 3, 6, 6, 4]:"
        + " an image of [2, 3, 6, 6, 4] is pooled to [2, 3, 3, 3, 4]"),
    Violation(
      .window, "%9 = upscaled_kernel %1 : each [8, 5]",
      "upscaled_kernel of [5, 7]: a kernel of 3×3 is expected"),
    Violation(
      .window, "%9 = upscaled_kernel_gradient %6 : each [8, 5]",
      "upscaled_kernel_gradient of [3, 3, 4, 5]: a kernel of 4×4 is expected"),
    Violation(
      .numbers,
      "%9 = dropout %5 {rate = 1, streams = [\"a\", \"b\"], per = \"element\"} : each [8, 5]",
      "dropout of each [2, 3, 6, 6, 4]: the rate 1.0 is not in [0, 1)"),
    Violation(
      .streams, "%9 = dropout %5 {rate = 0.25, streams = [\"a\"], per = \"element\"} : each [8, 5]",
      "dropout of each [2, 3, 6, 6, 4]: \(streams)"),
    Violation(
      .streams,
      "%9 = dropout %5 {rate = 0.25, streams = [\"a\", \"a\"], per = \"channel\"} : each [8, 5]",
      "dropout of each [2, 3, 6, 6, 4]: \(streams)"),
    Violation(
      .streams,
      "%8 = \(dropout(rate: 0.25, per: "element"))\n%9 = \(dropout(rate: 0.5, per: "element"))",
      "dropout: the stream \"a\" is drawn from twice, differently"),
    Violation(
      .streams,
      "%8 = \(dropout(rate: 0.25, per: "element"))\n%9 = \(dropout(rate: 0.25, per: "channel"))",
      "dropout: the stream \"a\" is drawn from twice, differently"),
    Violation(
      .streams,
      "%8 = \(dropout(rate: 0.25, per: "element"))\n"
        + "%9 = random {distribution = \"uniform\", stream = \"b\", shape = [8]} : each [8]",
      "random: the stream \"b\" is drawn from twice"),
  ]

  private static let operands = "each [2, 3, 6, 6, 4], [3, 3, 4, 5]"
  private static let imagesAndKernel =
    "images [.., height, width, channels] and a kernel [height, width, channels, filters] are expected"
  private static let stridesAndPaddings =
    "two strides ≥ 1 and two paddings ≥ 0 a side are expected"
  private static let imageAndFactor =
    "an image [.., height, width, channels] and a factor ≥ 1 are expected"
  private static let streams = "[passes, examples, .., channels] and a stream a pass are expected"

  private static func dropout(rate: Double, per: String) -> String {
    "dropout %5 {rate = \(rate), streams = [\"a\", \"b\"], per = \"\(per)\"}"
      + " : each [2, 3, 6, 6, 4]"
  }
}
