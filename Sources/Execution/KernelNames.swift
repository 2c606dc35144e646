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

extension ResizeMethod {
  var kernel: ResizeKernel {
    switch self {
    case .nearest: .nearest
    case .bilinear: .bilinear
    }
  }
}

extension ReplicaProgram {
  /// Which convolution an instruction computes, and in which form; nil where it is none. The leading
  /// axes of images are examples.
  func convolution(_ instruction: Instruction) -> (shape: ConvolutionKernel, form: ConvolutionForm)?
  {
    let operands = instruction.operands.map { shape(of: $0) }
    let result = shape(of: instruction.results[0])
    switch instruction.operation {
    case .convolution(let attributes), .biasedConvolution(let attributes, _):
      return (ConvolutionKernel(attributes, image: operands[0], kernel: operands[1]), .forward)
    case .transposedConvolution(let attributes, _, _):
      return (ConvolutionKernel(attributes, image: result, kernel: operands[1]), .inputGradient)
    case .kernelGradient(let attributes, _, _):
      return (ConvolutionKernel(attributes, image: operands[0], kernel: result), .kernelGradient)
    default: return nil
    }
  }
}

extension ConvolutionKernel {
  fileprivate init(_ attributes: ConvolutionAttributes, image: Shape, kernel: Shape) {
    self.init(
      examples: image.count(before: image.rank - 3), height: image[image.rank - 3],
      width: image[image.rank - 2],
      channels: image[image.rank - 1], kernelHeight: kernel[0], kernelWidth: kernel[1],
      filters: kernel[3], strideHeight: attributes.strides[0], strideWidth: attributes.strides[1],
      top: attributes.low[0], left: attributes.low[1], bottom: attributes.high[0],
      right: attributes.high[1])
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
