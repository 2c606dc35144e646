/// What an instruction does. `docs/operations.md` lists every operation with its shapes,
/// constraints and gradient.
package enum Operation: Hashable, Sendable {
  // Where values come from.
  case input(name: String, shape: Shape)
  case variable(name: String)
  case constant(Double, shape: Shape)
  /// A scalar that differs between replicas: element r belongs to replica r.
  case replicaConstant([Double])
  case random(RandomDistribution, stream: String, shape: Shape)

  // Arithmetic.
  case elementwise(Elementwise)
  case product(ProductForm)
  case sum(axes: [Int])

  // Shapes.
  case broadcast(shape: Shape)
  case reshape(shape: Shape)
  case transpose(permutation: [Int])
  case pad(low: [Int], high: [Int])
  case slice(from: [Int], to: [Int])
  case concatenate(axis: Int)

  // Images [.., height, width, channels]; the leading axes are examples.
  /// x, kernel [kernel height, kernel width, channels, filters] → [.., height, width, filters].
  case convolution(ConvolutionAttributes)
  /// The transpose of `convolution`: y [.., height, width, filters], kernel → x of `height` × `width`.
  case transposedConvolution(ConvolutionAttributes, height: Int, width: Int)
  /// x and the cotangent of `convolution`'s result → the cotangent of its kernel, of `height` × `width`.
  case kernelGradient(ConvolutionAttributes, height: Int, width: Int)
  case resize(ResizeMethod, height: Int, width: Int)
  /// The transpose of `resize`, from its result to an image of `height` × `width`.
  case resizeGradient(ResizeMethod, height: Int, width: Int)
  /// Repeats every pixel `factor` times along both axes by reshape, tile and reshape.
  case upscale(factor: Int)
  /// The sum of each `factor` × `factor` block of pixels.
  case upscaleGradient(factor: Int)
  case averagePool(PoolAttributes)
  /// The transpose of `averagePool`, from its result to an image of `height` × `width`.
  case averagePoolGradient(PoolAttributes, height: Int, width: Int)
  case dropout(DropoutAttributes)

  // Batch normalisation.
  case batchNorm(BatchNormAttributes)
  /// (dy, x, γ, mean, variance), and β where an activation follows → dx, dγ, dβ.
  case batchNormGradient(BatchNormAttributes)

  // Differentiation and replicas.
  case stopGradient
  /// The gradients of the first operand, a scalar, with respect to the others; expanded by a pass.
  case gradient
  case allReduce(Reduction)

  // Made by fusion only.
  /// activation(x · kernel + bias).
  case dense(Activation)
  /// dy · activation'(y), and its sums over all axes but the last.
  case activationGradientBias(Activation)
  /// allReduce(xᵀ · y): a weight gradient that is only averaged.
  case reducedProduct(Reduction)
  /// activation(convolution(x, kernel) + bias).
  case biasedConvolution(ConvolutionAttributes, Activation)
  /// The kernel [4, 4, out, in] with which a transposed convolution of stride 2 does what `upscale`
  /// by 2 and a convolution with a kernel [3, 3, in, out] do.
  case upscaledKernel
  /// The transpose of `upscaledKernel`: [4, 4, out, in] → [3, 3, in, out].
  case upscaledKernelGradient
}

package enum RandomDistribution: String, Hashable, Sendable {
  case normal
  case uniform
}

/// Functions that are applied element by element, with NumPy's broadcasting between two operands.
package enum Elementwise: Hashable, Sendable {
  case negate, exp, log, squareRoot, square, absolute, tanh, sigmoid
  /// x where x > 0, slope · x elsewhere; slope 0 is ReLU.
  case leakyReLU(slope: Double)
  case clamp(low: Double, high: Double)

  case add, subtract, multiply, divide, maximum, minimum
  /// 1 where a > b, 0 elsewhere.
  case greater

  // Gradients of activations, (dy, y) → dx, told from the activation's *output* so that its input
  // need not be kept.
  case tanhGradient, sigmoidGradient
  case leakyReLUGradient(slope: Double)
  /// (dy, x) → dy where low ≤ x ≤ high, 0 elsewhere.
  case clampGradient(low: Double, high: Double)

  package var operandCount: Int {
    switch self {
    case .negate, .exp, .log, .squareRoot, .square, .absolute, .tanh, .sigmoid, .leakyReLU, .clamp:
      1
    case .add, .subtract, .multiply, .divide, .maximum, .minimum, .greater, .tanhGradient,
      .sigmoidGradient, .leakyReLUGradient, .clampGradient:
      2
    }
  }
}

/// The three products of a dense layer. Leading axes of `x` (and of `y` in `transposedLeft`) are
/// rows.
package enum ProductForm: String, Hashable, Sendable, CaseIterable {
  /// x [.., K] · w [K, N] → [.., N].
  case plain
  /// x [.., N] · w [K, N]ᵀ → [.., K].
  case transposedRight
  /// x [.., K]ᵀ · y [.., N] → [K, N], summed over all rows.
  case transposedLeft
}

package enum Activation: Hashable, Sendable {
  case identity, tanh, sigmoid
  case leakyReLU(slope: Double)

  package static let relu = Activation.leakyReLU(slope: 0)

  /// The activation as an elementwise function; nil for `identity`.
  package var function: Elementwise? {
    switch self {
    case .identity: nil
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .leakyReLU(let slope): .leakyReLU(slope: slope)
    }
  }

  /// (dy, y) → dx, told from the output; nil for `identity`.
  package var gradientFunction: Elementwise? {
    switch self {
    case .identity: nil
    case .tanh: .tanhGradient
    case .sigmoid: .sigmoidGradient
    case .leakyReLU(let slope): .leakyReLUGradient(slope: slope)
    }
  }

  /// The activation that `function` is, if it is one.
  package init?(function: Elementwise) {
    switch function {
    case .tanh: self = .tanh
    case .sigmoid: self = .sigmoid
    case .leakyReLU(let slope): self = .leakyReLU(slope: slope)
    default: return nil
    }
  }

  /// The activation whose gradient `function` is, if it is one.
  package init?(gradientFunction function: Elementwise) {
    switch function {
    case .tanhGradient: self = .tanh
    case .sigmoidGradient: self = .sigmoid
    case .leakyReLUGradient(let slope): self = .leakyReLU(slope: slope)
    default: return nil
    }
  }
}

/// y = dropout(activation(γ · (x − mean) / √(variance + ε) + β)), the mean and the biased variance
/// taken over `axes`.
///
/// The last axis is the features; an axis that is neither last nor in `axes` (the pass axis of a
/// merged discriminator) has statistics of its own.
package struct BatchNormAttributes: Hashable, Sendable {
  package var axes: [Int]
  package var epsilon: Double
  package var activation: Activation
  package var dropout: DropoutAttributes?

  package init(
    axes: [Int], epsilon: Double, activation: Activation = .identity,
    dropout: DropoutAttributes? = nil
  ) {
    self.axes = axes
    self.epsilon = epsilon
    self.activation = activation
    self.dropout = dropout
  }
}

package enum Reduction: String, Hashable, Sendable {
  case mean
  case sum
}
