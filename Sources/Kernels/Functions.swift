import CKernels

/// Functions that are applied element by element.
package enum ElementwiseFunction: Hashable, Sendable {
  case identity
  case negate, exp, log, squareRoot, square, absolute, tanh, sigmoid
  /// x where x > 0, slope · x elsewhere.
  case leakyReLU(slope: Double)
  case clamp(low: Double, high: Double)
  case add, subtract, multiply, divide, maximum, minimum
  /// 1 where a > b, 0 elsewhere.
  case greater
  /// (dy, y) → dx, told from the function's output.
  case tanhGradient, sigmoidGradient
  case leakyReLUGradient(slope: Double)
  /// (dy, x) → dy where low ≤ x ≤ high, 0 elsewhere.
  case clampGradient(low: Double, high: Double)

  /// The C kernel's code for the function, and its two parameters.
  var code: (function: ck_function, p: Float, q: Float) {
    switch self {
    case .identity: (CK_IDENTITY, 0, 0)
    case .negate: (CK_NEGATE, 0, 0)
    case .exp: (CK_EXP, 0, 0)
    case .log: (CK_LOG, 0, 0)
    case .squareRoot: (CK_SQUARE_ROOT, 0, 0)
    case .square: (CK_SQUARE, 0, 0)
    case .absolute: (CK_ABSOLUTE, 0, 0)
    case .tanh: (CK_TANH, 0, 0)
    case .sigmoid: (CK_SIGMOID, 0, 0)
    case .leakyReLU(let slope): (CK_LEAKY_RELU, Float(slope), 0)
    case .clamp(let low, let high): (CK_CLAMP, Float(low), Float(high))
    case .add: (CK_ADD, 0, 0)
    case .subtract: (CK_SUBTRACT, 0, 0)
    case .multiply: (CK_MULTIPLY, 0, 0)
    case .divide: (CK_DIVIDE, 0, 0)
    case .maximum: (CK_MAXIMUM, 0, 0)
    case .minimum: (CK_MINIMUM, 0, 0)
    case .greater: (CK_GREATER, 0, 0)
    case .tanhGradient: (CK_TANH_GRADIENT, 0, 0)
    case .sigmoidGradient: (CK_SIGMOID_GRADIENT, 0, 0)
    case .leakyReLUGradient(let slope): (CK_LEAKY_RELU_GRADIENT, Float(slope), 0)
    case .clampGradient(let low, let high): (CK_CLAMP_GRADIENT, Float(low), Float(high))
    }
  }
}

/// What follows a product or a batch norm in the same kernel.
package enum KernelActivation: Hashable, Sendable {
  case identity, tanh, sigmoid
  case leakyReLU(slope: Double)

  var code: (activation: ck_activation, slope: Float) {
    switch self {
    case .identity: (CK_NO_ACTIVATION, 0)
    case .tanh: (CK_ACTIVATE_TANH, 0)
    case .sigmoid: (CK_ACTIVATE_SIGMOID, 0)
    case .leakyReLU(let slope): (CK_ACTIVATE_LEAKY_RELU, Float(slope))
    }
  }
}

/// The three products of a dense layer, with x and y of `rows` rows.
package enum ProductKernel: Hashable, Sendable {
  /// x [rows, k] · w [k, n] → [rows, n].
  case plain
  /// x [rows, n] · w [k, n]ᵀ → [rows, k].
  case transposedRight
  /// x [rows, k]ᵀ · y [rows, n] → [k, n].
  case transposedLeft
}

/// Adam's numbers; `keras` puts ε beside the uncorrected root, PyTorch beside the corrected one.
package struct AdamKernel: Hashable, Sendable {
  package var learningRate: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var keras: Bool

  package init(
    learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, keras: Bool
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.keras = keras
  }
}
