import Program

/// A release of TensorFlow whose compiler (XLA) made programs for TPUs.
package enum TPURuntime: String, Hashable, Sendable, CaseIterable {
  case v112 = "1.12"
  case v113 = "1.13"
  case v114 = "1.14"

  /// Every TensorFlow operation that is known to lack a kernel in some release, and the releases that
  /// have one (from tf2xla's registered kernels).
  package static let support: KeyValuePairs<String, Set<TPURuntime>> = [
    "LeakyRelu": [.v113, .v114],
    "LeakyReluGrad": [.v113, .v114],
    "ResizeNearestNeighbor": [.v114],
    "ResizeNearestNeighborGrad": [],
    "ResizeBicubic": [],
    "ResizeArea": [],
    "CropAndResize": [],
    "MirrorPadGrad": [],
    "Svd": [.v114],
    "MatrixInverse": [],
    "Where": [],
    "Unique": [],
    "DynamicPartition": [],
    "Dilation2D": [],
    "Print": [],
    "PyFunc": [],
    "DecodeJpeg": [],
  ]

  package func supports(_ operation: String) -> Bool {
    TPURuntime.support.first { $0.key == operation }?.value.contains(self) ?? true
  }
}

/// An operation of a layer that the TPU's compiler has no kernel for.
package struct UnsupportedOperation: Hashable, Sendable {
  package let name: String
  package let layer: String
}

/// An operation that legalisation has put in the place of another one.
package struct LegalReplacement: Hashable, Sendable {
  package let layer: String
  package let original: String
  package let replacement: String
}

extension ReplicaProgram {
  /// The TensorFlow operations that the program's operations stand for, with a layer that uses
  /// each.
  package var tensorFlowOperations: [(name: String, layer: String)] {
    var seen: Set<String> = []
    return instructions.flatMap { instruction in
      instruction.operation.tensorFlowNames.map { ($0, instruction.layer) }
    }.filter { seen.insert($0.0).inserted }
  }

  /// What the compiler of `runtime` would refuse, each operation of each layer once. To be asked of
  /// a program with its gradients: an operation may have a kernel, and its gradient none.
  package func unsupportedOperations(on runtime: TPURuntime) -> [UnsupportedOperation] {
    var found: [UnsupportedOperation] = []
    for instruction in instructions {
      for name in instruction.operation.tensorFlowNames where !runtime.supports(name) {
        let operation = UnsupportedOperation(name: name, layer: instruction.layer)
        if !found.contains(operation) { found.append(operation) }
      }
    }
    return found
  }

  /// Replaces what `runtime` has no kernel for by what it has, where this project knows how:
  ///
  /// - nearest-neighbour resizing to a multiple becomes `upscale` (reshape, tile, reshape: StyleGAN's
  ///   way), since one of it or its gradient is missing in all releases;
  /// - LeakyReLU becomes max(x, slope · x), which has the same slope at 0.
  ///
  /// To be done before gradients are expanded, so that the replacement's are taken.
  package func legalized(
    for runtime: TPURuntime
  ) throws(ProgramError) -> (program: ReplicaProgram, replacements: [LegalReplacement]) {
    var rewrite = ProgramRewrite(self)
    var replacements: [LegalReplacement] = []
    for instruction in instructions {
      guard instruction.operation.missesKernel(on: runtime),
        let (result, replacement) = rewrite.builder.inLayer(
          path: instruction.layer, { legalForm(of: instruction, rewrite(instruction.operands)) })
      else {
        rewrite.copy(instruction)
        continue
      }
      rewrite.replace(instruction.results[0], by: result)
      replacements.append(
        LegalReplacement(
          layer: instruction.layer,
          original: instruction.operation.tensorFlowNames.joined(separator: ", "),
          replacement: replacement))
    }
    return (try rewrite.finish(), replacements)
  }

  private func legalForm(
    of instruction: Instruction, _ operands: [Tensor]
  ) -> (Tensor, replacement: String)? {
    let x = operands[0]
    switch instruction.operation {
    case .resize(.nearest, let height, let width):
      let (from, factor) = (x.shape[x.shape.rank - 3], height / x.shape[x.shape.rank - 3])
      guard height == from * factor, width == x.shape[x.shape.rank - 2] * factor else {
        return nil
      }
      return (x.upscaled(by: factor), "upscale (Reshape, Tile, Reshape)")
    case .elementwise(.leakyReLU(let slope)) where slope <= 1:
      return (x.apply(.maximum, x * slope), "Mul, Maximum")
    default: return nil
    }
  }
}

extension Operation {
  /// Whether the operation or its gradient has no kernel.
  fileprivate func missesKernel(on runtime: TPURuntime) -> Bool {
    let gradients: [String] =
      switch self {
      case .resize(.nearest, _, _): ["ResizeNearestNeighborGrad"]
      default: []
      }
    return !(tensorFlowNames + gradients).allSatisfy(runtime.supports)
  }

  fileprivate var tensorFlowNames: [String] {
    switch self {
    case .input: ["Placeholder"]
    case .variable: ["ReadVariableOp"]
    case .constant, .replicaConstant: ["Const"]
    case .random(.normal, _, _): ["RandomStandardNormal"]
    case .random(.uniform, _, _): ["RandomUniform"]
    case .elementwise(let function): [function.tensorFlowName]
    case .product, .reducedProduct: ["MatMul"]
    case .sum: ["Sum"]
    case .broadcast: ["BroadcastTo"]
    case .reshape: ["Reshape"]
    case .transpose: ["Transpose"]
    case .pad: ["Pad"]
    case .slice: ["Slice"]
    case .concatenate: ["ConcatV2"]
    case .convolution: ["Conv2D"]
    case .transposedConvolution: ["Conv2DBackpropInput"]
    case .kernelGradient: ["Conv2DBackpropFilter"]
    case .biasedConvolution: ["Conv2D", "BiasAdd"]
    case .resize(.nearest, _, _): ["ResizeNearestNeighbor"]
    case .resizeGradient(.nearest, _, _): ["ResizeNearestNeighborGrad"]
    case .resize(.bilinear, _, _): ["ResizeBilinear"]
    case .resizeGradient(.bilinear, _, _): ["ResizeBilinearGrad"]
    case .upscale: ["Reshape", "Tile"]
    case .upscaleGradient: ["Reshape", "Sum"]
    case .upscaledKernel, .upscaledKernelGradient: ["MatMul"]
    case .averagePool: ["AvgPool"]
    case .averagePoolGradient: ["AvgPoolGrad"]
    case .dropout: ["RandomUniform", "GreaterEqual", "Mul"]
    case .batchNorm: ["FusedBatchNorm"]
    case .batchNormGradient: ["FusedBatchNormGrad"]
    case .stopGradient: ["StopGradient"]
    case .gradient: []
    case .allReduce: ["CrossReplicaSum"]
    case .dense: ["MatMul", "BiasAdd"]
    case .activationGradientBias: ["BiasAddGrad"]
    }
  }
}

extension Elementwise {
  fileprivate var tensorFlowName: String {
    switch self {
    case .negate: "Neg"
    case .exp: "Exp"
    case .log: "Log"
    case .squareRoot: "Sqrt"
    case .square: "Square"
    case .absolute: "Abs"
    case .tanh: "Tanh"
    case .sigmoid: "Sigmoid"
    case .leakyReLU(slope: 0): "Relu"
    case .leakyReLU: "LeakyRelu"
    case .clamp: "ClipByValue"
    case .add: "Add"
    case .subtract: "Sub"
    case .multiply: "Mul"
    case .divide: "RealDiv"
    case .maximum: "Maximum"
    case .minimum: "Minimum"
    case .greater: "Greater"
    case .tanhGradient: "TanhGrad"
    case .sigmoidGradient: "SigmoidGrad"
    case .leakyReLUGradient(slope: 0): "ReluGrad"
    case .leakyReLUGradient: "LeakyReluGrad"
    case .clampGradient: "Select"
    }
  }
}
