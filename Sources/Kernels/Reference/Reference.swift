import Foundation

/// Every operation in float64, as plainly as its formula: what the float32 kernels are tested
/// against.
package enum Reference {
  /// f of one operand or of two, which are broadcast to `shape` in NumPy's manner.
  package static func elementwise(
    _ function: ElementwiseFunction, _ operands: [DoubleTensor], shape: [Int]
  ) -> DoubleTensor {
    let full = operands.map { broadcast($0, to: shape) }
    let (a, b) = (full[0].values, full[full.count - 1].values)
    return DoubleTensor(shape: shape, values: a.indices.map { scalar(function, a[$0], b[$0]) })
  }

  private static func scalar(_ function: ElementwiseFunction, _ a: Double, _ b: Double) -> Double {
    switch function {
    case .identity: a
    case .negate: -a
    case .exp: Foundation.exp(a)
    case .log: Foundation.log(a)
    case .squareRoot: a.squareRoot()
    case .square: a * a
    case .absolute: abs(a)
    case .tanh: Foundation.tanh(a)
    case .sigmoid: 1 / (1 + Foundation.exp(-a))
    case .leakyReLU(let slope): a > 0 ? a : slope * a
    case .clamp(let low, let high): a < low ? low : a > high ? high : a
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .maximum: a > b ? a : b
    case .minimum: a > b ? b : a
    case .greater: a > b ? 1 : 0
    case .tanhGradient: a * (1 - b * b)
    case .sigmoidGradient: a * b * (1 - b)
    case .leakyReLUGradient(let slope): b > 0 ? a : slope * a
    case .clampGradient(let low, let high): low <= b && b <= high ? a : 0
    }
  }

  /// The products of a dense layer; leading axes are rows.
  package static func product(
    _ x: DoubleTensor, _ y: DoubleTensor, form: ProductKernel
  ) -> DoubleTensor {
    let leading = Array(x.shape.dropLast())
    let rows = leading.reduce(1, *)
    switch form {
    case .plain:
      let (k, n) = (y.shape[0], y.shape[1])
      return DoubleTensor(
        shape: leading + [n], values: multiply(rows, k, n, x.values, (k, 1), y.values))
    case .transposedRight:
      let (k, n) = (y.shape[0], y.shape[1])
      let transposed = transpose(y, permutation: [1, 0]).values
      return DoubleTensor(
        shape: leading + [k], values: multiply(rows, n, k, x.values, (n, 1), transposed))
    case .transposedLeft:
      let (k, n) = (x.shape[x.shape.count - 1], y.shape[y.shape.count - 1])
      return DoubleTensor(
        shape: [k, n], values: multiply(k, rows, n, x.values, (1, k), y.values))
    }
  }

  /// a [m, k] with the given strides times b [k, n], row-major.
  private static func multiply(
    _ m: Int, _ k: Int, _ n: Int, _ a: [Double], _ strides: (Int, Int), _ b: [Double]
  ) -> [Double] {
    var out = [Double](repeating: 0, count: m * n)
    out.withUnsafeMutableBufferPointer { out in
      b.withUnsafeBufferPointer { b in
        for i in 0..<m {
          for l in 0..<k {
            let factor = a[i * strides.0 + l * strides.1]
            for j in 0..<n { out[i * n + j] += factor * b[l * n + j] }
          }
        }
      }
    }
    return out
  }

  /// The sum over `axes`, which are dropped.
  package static func sum(_ x: DoubleTensor, axes: [Int]) -> DoubleTensor {
    let kept = x.shape.indices.filter { !axes.contains($0) }
    let strides = x.strides
    let shape = kept.map { x.shape[$0] }
    var result = DoubleTensor(shape: shape)
    let outStrides = result.strides
    for position in x.values.indices {
      let target = zip(kept, outStrides).reduce(0) { target, pair in
        target + position / strides[pair.0] % x.shape[pair.0] * pair.1
      }
      result.values[target] += x.values[position]
    }
    return result
  }

  package static func broadcast(_ x: DoubleTensor, to shape: [Int]) -> DoubleTensor {
    if x.shape == shape { return x }
    let (offset, strides) = (shape.count - x.shape.count, x.strides)
    return x.gathered(shape: shape) { index in
      x.shape.indices.reduce(0) { $0 + (x.shape[$1] == 1 ? 0 : index[$1 + offset]) * strides[$1] }
    }
  }

  package static func transpose(_ x: DoubleTensor, permutation: [Int]) -> DoubleTensor {
    let strides = x.strides
    return x.gathered(shape: permutation.map { x.shape[$0] }) { index in
      zip(permutation, index).reduce(0) { $0 + strides[$1.0] * $1.1 }
    }
  }

  package static func pad(_ x: DoubleTensor, low: [Int], high: [Int]) -> DoubleTensor {
    let shape = x.shape.indices.map { low[$0] + x.shape[$0] + high[$0] }
    let strides = x.strides
    // One more element, a zero, for everything outside.
    var extended = x
    extended.values.append(0)
    return extended.gathered(shape: shape) { index in
      let inside = zip(index, low).map { $0 - $1 }
      let isInside = zip(inside, x.shape).allSatisfy { 0 <= $0 && $0 < $1 }
      return isInside ? zip(inside, strides).reduce(0) { $0 + $1.0 * $1.1 } : x.values.count
    }
  }

  package static func slice(_ x: DoubleTensor, from: [Int], to: [Int]) -> DoubleTensor {
    let strides = x.strides
    return x.gathered(shape: zip(from, to).map { $1 - $0 }) { index in
      strides.indices.reduce(0) { $0 + (index[$1] + from[$1]) * strides[$1] }
    }
  }

  package static func concatenate(_ parts: [DoubleTensor], axis: Int) -> DoubleTensor {
    var shape = parts[0].shape
    shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
    let outer = shape[..<axis].reduce(1, *)
    var values: [Double] = []
    values.reserveCapacity(shape.reduce(1, *))
    for entry in 0..<outer {
      for part in parts {
        let count = part.values.count / outer
        values += part.values[(entry * count)..<((entry + 1) * count)]
      }
    }
    return DoubleTensor(shape: shape, values: values)
  }

  /// y = γ·(x − mean)/√(variance + ε) + β, with the mean and the biased variance over `axes`; they
  /// keep the other axes.
  package static func batchNorm(
    _ x: DoubleTensor, gamma: DoubleTensor, beta: DoubleTensor, axes: [Int], epsilon: Double
  ) -> (y: DoubleTensor, mean: DoubleTensor, variance: DoubleTensor) {
    let count = Double(axes.reduce(1) { $0 * x.shape[$1] })
    var mean = sum(x, axes: axes)
    mean.values = mean.values.map { $0 / count }
    let centred = elementwise(.subtract, [x, keeping(mean, x, axes)], shape: x.shape)
    var variance = sum(elementwise(.square, [centred], shape: x.shape), axes: axes)
    variance.values = variance.values.map { $0 / count }
    let y = elementwise(
      .add,
      [
        elementwise(
          .multiply, [normalized(x, mean, variance, axes, epsilon), gamma], shape: x.shape), beta,
      ], shape: x.shape)
    return (y, mean, variance)
  }

  /// The gradients of `batchNorm` with respect to x, and, still of each group, γ and β.
  ///
  ///     h = (x − mean)/√(variance + ε)
  ///     dγ = Σ dy·h    dβ = Σ dy    dx = γ/√(variance + ε)·(dy − dβ/n − h·dγ/n)
  package static func batchNormGradient(
    _ dy: DoubleTensor, _ x: DoubleTensor, gamma: DoubleTensor, mean: DoubleTensor,
    variance: DoubleTensor, axes: [Int], epsilon: Double
  ) -> (dx: DoubleTensor, dgamma: DoubleTensor, dbeta: DoubleTensor) {
    let count = Double(axes.reduce(1) { $0 * x.shape[$1] })
    let h = normalized(x, mean, variance, axes, epsilon)
    let dgamma = sum(elementwise(.multiply, [dy, h], shape: x.shape), axes: axes)
    let dbeta = sum(dy, axes: axes)
    let spread = { broadcast(keeping($0, x, axes), to: x.shape).values }
    let (products, sums, deviations) = (spread(dgamma), spread(dbeta), spread(variance))
    let scales = broadcast(gamma, to: x.shape).values
    let dx = x.values.indices.map { i in
      let centred = dy.values[i] - sums[i] / count - h.values[i] * products[i] / count
      return scales[i] / (deviations[i] + epsilon).squareRoot() * centred
    }
    return (DoubleTensor(shape: x.shape, values: dx), dgamma, dbeta)
  }

  private static func normalized(
    _ x: DoubleTensor, _ mean: DoubleTensor, _ variance: DoubleTensor, _ axes: [Int],
    _ epsilon: Double
  ) -> DoubleTensor {
    let means = broadcast(keeping(mean, x, axes), to: x.shape).values
    let variances = broadcast(keeping(variance, x, axes), to: x.shape).values
    return DoubleTensor(
      shape: x.shape,
      values: x.values.indices.map { i in
        (x.values[i] - means[i]) / (variances[i] + epsilon).squareRoot()
      })
  }

  /// Statistics with the reduced axes of `x` as axes of extent 1.
  private static func keeping(
    _ statistic: DoubleTensor, _ x: DoubleTensor, _ axes: [Int]
  ) -> DoubleTensor {
    let shape = x.shape.indices.map { axes.contains($0) ? 1 : x.shape[$0] }
    return DoubleTensor(shape: shape, values: statistic.values)
  }

  /// One step of Adam at t = `step`, counted from 1.
  package static func adam(
    _ adam: AdamKernel, parameters: inout DoubleTensor, firstMoments: inout DoubleTensor,
    secondMoments: inout DoubleTensor, gradient: DoubleTensor, step: Int
  ) {
    let correction1 = 1 - pow(adam.beta1, Double(step))
    let correction2 = (1 - pow(adam.beta2, Double(step))).squareRoot()
    for i in gradient.values.indices {
      let g = gradient.values[i]
      let m = adam.beta1 * firstMoments.values[i] + (1 - adam.beta1) * g
      let v = adam.beta2 * secondMoments.values[i] + (1 - adam.beta2) * g * g
      firstMoments.values[i] = m
      secondMoments.values[i] = v
      let change =
        adam.keras
        ? correction2 / correction1 * m / (v.squareRoot() + adam.epsilon)
        : m / correction1 / (v.squareRoot() / correction2 + adam.epsilon)
      parameters.values[i] -= adam.learningRate * change
    }
  }
}
