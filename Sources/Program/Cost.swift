extension ReplicaProgram {
  /// The multiplications and additions of the matrix products that one replica does in one step.
  package var floatingPointOperations: Int {
    instructions.reduce(0) { $0 + floatingPointOperations(of: $1) }
  }

  /// The multiplications and additions of an instruction's matrix product or convolution, if it has
  /// one.
  package func floatingPointOperations(of instruction: Instruction) -> Int {
    switch instruction.operation {
    case .product(.transposedLeft), .reducedProduct:
      2 * shape(of: instruction.operands[0]).count
        * (shape(of: instruction.operands[1]).dimensions.last ?? 1)
    case .product, .dense:
      2 * shape(of: instruction.results[0]).count
        * (shape(of: instruction.operands[0]).dimensions.last ?? 1)
    case .convolution, .biasedConvolution, .transposedConvolution, .kernelGradient:
      convolutionOperations(of: instruction)
    default: 0
    }
  }

  /// A multiplication and an addition for every output pixel, filter, and element of the window;
  /// those with the zeros of the padding count too.
  private func convolutionOperations(of instruction: Instruction) -> Int {
    let result = shape(of: instruction.results[0])
    let operands = instruction.operands.map { shape(of: $0) }
    let (image, kernel) =
      switch instruction.operation {
      case .transposedConvolution: (operands[0], operands[1])
      case .kernelGradient: (operands[1], result)
      default: (result, operands[1])
      }
    return 2 * image.count * kernel.count(before: 3)
  }
}
