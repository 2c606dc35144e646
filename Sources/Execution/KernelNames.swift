import Kernels
import Program

extension Activation {
  var kernel: KernelActivation {
    switch self {
    case .identity: .identity
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .leakyReLU(let slope): .leakyReLU(slope: slope)
    }
  }
}

extension ProductForm {
  var kernel: ProductKernel {
    switch self {
    case .plain: .plain
    case .transposedRight: .transposedRight
    case .transposedLeft: .transposedLeft
    }
  }
}

extension Adam {
  var kernel: AdamKernel {
    AdamKernel(
      learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      keras: variant == .keras)
  }
}
extension Elementwise {
  /// The kernel that computes this function.
  var kernel: ElementwiseFunction {
    switch self {
    case .negate: .negate
    case .exp: .exp
    case .log: .log
    case .squareRoot: .squareRoot
    case .square: .square
    case .absolute: .absolute
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .leakyReLU(let slope): .leakyReLU(slope: slope)
    case .clamp(let low, let high): .clamp(low: low, high: high)
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .maximum: .maximum
    case .minimum: .minimum
    case .greater: .greater
    case .tanhGradient: .tanhGradient
    case .sigmoidGradient: .sigmoidGradient
    case .leakyReLUGradient(let slope): .leakyReLUGradient(slope: slope)
    case .clampGradient(let low, let high): .clampGradient(low: low, high: high)
    }
  }
}
