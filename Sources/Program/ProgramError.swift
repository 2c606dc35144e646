/// Why a program cannot be built, read or compiled.
package enum ProgramError: Error, Hashable, CustomStringConvertible {
  /// A numbered constraint of `docs/operations.md` does not hold.
  case constraint(
    Constraint, operation: String, layer: String, operands: [TensorType], detail: String)
  /// A line of a program's text cannot be read.
  case text(line: Int, detail: String)
  /// The operation has no gradient rule.
  case noGradient(operation: String, layer: String)
  /// The operation is sound, but the executor has no kernel for this form of it.
  case unsupported(operation: String, layer: String, detail: String)
  /// The TPU's compiler has no kernel for these operations, each given with its layer.
  case unsupportedOnTPU(program: String, runtime: String, operations: [String])

  package var description: String {
    switch self {
    case .constraint(let constraint, let operation, let layer, let operands, let detail):
      let shapes =
        operands.isEmpty ? "" : " of " + operands.map(\.description).joined(separator: ", ")
      return "\(Self.place(layer))\(operation)\(shapes): \(detail) (\(constraint.rawValue))"
    case .text(let line, let detail):
      return "program text, line \(line): \(detail)"
    case .noGradient(let operation, let layer):
      return "\(Self.place(layer))\(operation) has no gradient"
    case .unsupported(let operation, let layer, let detail):
      return "\(Self.place(layer))\(operation) cannot be executed: \(detail)"
    case .unsupportedOnTPU(let program, let runtime, let operations):
      return "Compilation failure: Detected unsupported operations when trying to compile graph "
        + "\(program) on XLA_TPU_JIT: \(operations.joined(separator: ", ")) (runtime \(runtime))"
    }
  }

  private static func place(_ layer: String) -> String { layer.isEmpty ? "" : layer + ": " }
}

/// The numbered rules of `docs/operations.md`.
package enum Constraint: String, Hashable, Sendable, CaseIterable {
  /// An operation has its number of operands and results.
  case operandCount = "C1"
  /// Every extent is at least 1 and the number of elements fits in memory's address range.
  case positiveExtents = "C2"
  /// The two operands' shapes broadcast.
  case broadcastable = "C3"
  /// The contracted extents of a product are equal, and its operands have the ranks of its form.
  case contraction = "C4"
  /// Axes are distinct, ascending and within the operand's rank.
  case axes = "C5"
  /// A reshape keeps the number of elements.
  case sameCount = "C6"
  /// A permutation names every axis once.
  case permutation = "C7"
  /// Padding has one non-negative extent an axis and side.
  case padding = "C8"
  /// A slice lies within its operand and is not empty.
  case sliceBounds = "C9"
  /// Concatenated operands agree in every other axis.
  case concatenation = "C10"
  /// Batch norm's γ and β have the extent of the last axis, and its statistics the shape of the
  /// kept axes.
  case batchNormShapes = "C11"
  /// A variable is declared once, and read and updated as declared.
  case variables = "C12"
  /// What is reduced over the replicas differs between them; what a replicated variable or Adam
  /// takes does not.
  case distribution = "C13"
  /// A gradient is taken of a scalar.
  case scalarGradient = "C14"
  /// A value is defined once, before its uses, with the type that its operation gives.
  case singleAssignment = "C15"
  /// A variable is updated at most once a step, by a value of its shape.
  case updates = "C16"
  /// Random streams have distinct names, so that no two draws are the same numbers; only dropouts
  /// of one rate and shape share one, as a dropout and its gradient do. Inputs have distinct names.
  case streams = "C17"
  /// Numbers are finite; ε is positive; a clamp's bounds are in order.
  case numbers = "C18"
  /// A convolution's or pooling's window fits its image, and kernel, images and factors fit each
  /// other.
  case window = "C19"
}
