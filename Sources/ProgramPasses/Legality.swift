import Program

/// What the TPU's compiler (XLA in TensorFlow 1.13.1) has no kernel for, and whether a program asks
/// for it.
///
/// Every operation of this project is lowered there from the TensorFlow operations named here;
/// those of the networks built so far all have kernels.
package enum TPULegality {
  /// The TensorFlow operations without a kernel in 1.13.1 (docs of tf2xla's registered kernels).
  package static let unsupported: Set<String> = [
    "ResizeNearestNeighbor", "ResizeNearestNeighborGrad", "ResizeBicubic", "ResizeArea",
    "CropAndResize", "MirrorPadGrad", "Svd", "MatrixInverse", "Where", "Unique",
    "DynamicPartition", "Dilation2D", "Print", "PyFunc", "DecodeJpeg",
  ]

  /// The TensorFlow operations that the program's operations stand for, with a layer that uses
  /// each.
  package static func operations(of program: ReplicaProgram) -> [(name: String, layer: String)] {
    var seen: Set<String> = []
    return program.instructions.flatMap { instruction in
      instruction.operation.tensorFlowNames.map { ($0, instruction.layer) }
    }.filter { seen.insert($0.0).inserted }
  }
}

extension Operation {
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
    case .leakyReLUGradient: "LeakyReluGrad"
    case .clampGradient: "Select"
    }
  }
}
