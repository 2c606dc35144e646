extension Reference {
  /// A convolution or one of its gradients, of dense tensors as `ConvolutionKernel` describes them:
  /// (x, kernel) → y, (dy, kernel) → dx or (x, dy) → the kernel's gradient.
  package static func convolution(
    _ a: DoubleTensor, _ b: DoubleTensor, _ shape: ConvolutionKernel, form: ConvolutionForm
  ) -> DoubleTensor {
    switch form {
    case .forward: convolved(a, b, shape)
    case .inputGradient: convolutionsInputGradient(a, b, shape)
    case .kernelGradient: convolutionsKernelGradient(a, b, shape)
    }
  }

  private static func convolved(
    _ x: DoubleTensor, _ kernel: DoubleTensor, _ shape: ConvolutionKernel
  ) -> DoubleTensor {
    precondition(x.shape == shape.inputShape && kernel.shape == shape.kernelShape)
    let (channels, filters) = (shape.channels, shape.filters)
    let matrices = Matrices(kernel, rows: channels, columns: filters)
    var y = DoubleTensor(shape: shape.outputShape)
    y.values.withUnsafeMutableBufferPointer { y in
      x.values.withUnsafeBufferPointer { x in
        shape.forEachTap { input, tap, output in
          matrices.addProduct(
            tap, x.baseAddress! + input * channels, to: y.baseAddress! + output * filters)
        }
      }
    }
    return y
  }

  private static func convolutionsInputGradient(
    _ dy: DoubleTensor, _ kernel: DoubleTensor, _ shape: ConvolutionKernel
  ) -> DoubleTensor {
    precondition(dy.shape == shape.outputShape && kernel.shape == shape.kernelShape)
    let (channels, filters) = (shape.channels, shape.filters)
    let matrices = Matrices(
      transpose(kernel, permutation: [0, 1, 3, 2]), rows: filters, columns: channels)
    var dx = DoubleTensor(shape: shape.inputShape)
    dx.values.withUnsafeMutableBufferPointer { dx in
      dy.values.withUnsafeBufferPointer { dy in
        shape.forEachTap { input, tap, output in
          matrices.addProduct(
            tap, dy.baseAddress! + output * filters, to: dx.baseAddress! + input * channels)
        }
      }
    }
    return dx
  }

  private static func convolutionsKernelGradient(
    _ x: DoubleTensor, _ dy: DoubleTensor, _ shape: ConvolutionKernel
  ) -> DoubleTensor {
    precondition(x.shape == shape.inputShape && dy.shape == shape.outputShape)
    let (channels, filters) = (shape.channels, shape.filters)
    // The longer of the two is the innermost loop.
    let isTransposed = channels > filters
    let (rows, columns) = isTransposed ? (filters, channels) : (channels, filters)
    var gradient = DoubleTensor(shape: [shape.kernelHeight, shape.kernelWidth, rows, columns])
    gradient.values.withUnsafeMutableBufferPointer { gradient in
      x.values.withUnsafeBufferPointer { x in
        dy.values.withUnsafeBufferPointer { dy in
          shape.forEachTap { input, tap, output in
            let (pixel, cotangent) = (
              x.baseAddress! + input * channels, dy.baseAddress! + output * filters
            )
            let (left, right) = isTransposed ? (cotangent, pixel) : (pixel, cotangent)
            let matrix = gradient.baseAddress! + tap * rows * columns
            for row in 0..<rows {
              let (factor, sums) = (left[row], matrix + row * columns)
              for column in 0..<columns { sums[column] += factor * right[column] }
            }
          }
        }
      }
    }
    return isTransposed ? transpose(gradient, permutation: [0, 1, 3, 2]) : gradient
  }

  /// The kernel [4, 4, O, I] with which the input gradient of a convolution of stride 2 and padding
  /// 1 does what doubling an image's height and width by repetition, and then convolving with
  /// w [3, 3, I, O] and padding 1, do. Along each axis it is (w₂, w₁ + w₂, w₀ + w₁, w₀).
  package static func upscaledKernel(_ w: DoubleTensor) -> DoubleTensor {
    precondition(w.shape.count == 4 && w.shape[0] == 3 && w.shape[1] == 3)
    let (i, o) = (w.shape[2], w.shape[3])
    var kernel = DoubleTensor(shape: [4, 4, i, o])
    forEachUpscaledTap { target, source in
      for element in 0..<(i * o) {
        kernel.values[target * i * o + element] += w.values[source * i * o + element]
      }
    }
    return transpose(kernel, permutation: [0, 1, 3, 2])
  }

  /// The transpose of `upscaledKernel`: [4, 4, O, I] → [3, 3, I, O].
  package static func upscaledKernelGradient(_ dk: DoubleTensor) -> DoubleTensor {
    precondition(dk.shape.count == 4 && dk.shape[0] == 4 && dk.shape[1] == 4)
    let (o, i) = (dk.shape[2], dk.shape[3])
    let cotangent = transpose(dk, permutation: [0, 1, 3, 2])
    var gradient = DoubleTensor(shape: [3, 3, i, o])
    forEachUpscaledTap { target, source in
      for element in 0..<(i * o) {
        gradient.values[source * i * o + element] += cotangent.values[target * i * o + element]
      }
    }
    return gradient
  }

  /// Calls `body` with every tap of the 4×4 kernel and each of the 3×3 kernel's taps that it is the
  /// sum of.
  private static func forEachUpscaledTap(_ body: (_ target: Int, _ source: Int) -> Void) {
    let sources = [[2], [1, 2], [0, 1], [0]]
    for (row, column) in (0..<16).map({ $0.quotientAndRemainder(dividingBy: 4) }) {
      for u in sources[row] {
        for v in sources[column] { body(row * 4 + column, u * 3 + v) }
      }
    }
  }
}

/// A kernel's matrix for each tap, which a row of numbers is multiplied by.
private struct Matrices {
  private let rows, columns: Int
  /// The matrices, or where they have few columns, their transposes: the innermost loop is over the
  /// longer axis.
  private let values: [Double]
  private let isTransposed: Bool

  init(_ kernel: DoubleTensor, rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    isTransposed = columns < 4
    values =
      isTransposed
      ? Reference.transpose(kernel, permutation: [0, 1, 3, 2]).values : kernel.values
  }

  /// out [columns] += row [rows] · matrix of the tap
  func addProduct(_ tap: Int, _ row: UnsafePointer<Double>, to out: UnsafeMutablePointer<Double>) {
    values.withUnsafeBufferPointer { values in
      let matrix = values.baseAddress! + tap * rows * columns
      if isTransposed {
        for j in 0..<columns { out[j] += inner(row, matrix + j * rows) }
      } else {
        for i in 0..<rows {
          let (factor, line) = (row[i], matrix + i * columns)
          for j in 0..<columns { out[j] += factor * line[j] }
        }
      }
    }
  }

  /// Σ a·b over the rows, in eight partial sums.
  private func inner(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>) -> Double {
    var sums = SIMD8<Double>()
    var i = 0
    while i + 8 <= rows {
      let (left, right) = (UnsafeRawPointer(a + i), UnsafeRawPointer(b + i))
      sums +=
        left.loadUnaligned(as: SIMD8<Double>.self) * right.loadUnaligned(as: SIMD8<Double>.self)
      i += 8
    }
    var sum = sums.sum()
    while i < rows {
      sum += a[i] * b[i]
      i += 1
    }
    return sum
  }
}

extension ConvolutionKernel {
  package var inputShape: [Int] { [examples, height, width, channels] }
  package var kernelShape: [Int] { [kernelHeight, kernelWidth, channels, filters] }
  package var outputShape: [Int] { [examples, outputHeight, outputWidth, filters] }

  /// Calls `body` with every pixel of the output and each tap of the kernel that meets a pixel of
  /// the input there, as flat indices of pixels.
  fileprivate func forEachTap(_ body: (_ input: Int, _ tap: Int, _ output: Int) -> Void) {
    for example in 0..<examples {
      for i in 0..<outputHeight {
        for j in 0..<outputWidth {
          let output = (example * outputHeight + i) * outputWidth + j
          let (row, column) = (i * strideHeight - top, j * strideWidth - left)
          for u in max(0, -row)..<max(0, -row, min(kernelHeight, height - row)) {
            for v in max(0, -column)..<max(0, -column, min(kernelWidth, width - column)) {
              body(
                (example * height + row + u) * width + column + v, u * kernelWidth + v, output)
            }
          }
        }
      }
    }
  }
}
