import Program
import Testing

/// A line of a program that breaks one numbered constraint of `docs/operations.md`.
struct Violation: Sendable, CustomTestStringConvertible {
  let constraint: Constraint
  /// One or more lines of program text, after those of `ConstraintTests.soundLines`.
  let lines: String
  /// The whole message, without the number at its end.
  let message: String

  init(_ constraint: Constraint, _ lines: String, _ message: String) {
    self.constraint = constraint
    self.lines = lines
    self.message = message
  }

  var testDescription: String { "\(constraint.rawValue): \(lines)" }
}

extension Violation {
  static let ofInstructions: [Violation] = [
    Violation(
      .operandCount, "%9 = tanh %0, %1 : each [8, 5] @ \"net/act\"",
      "net/act: tanh of each [8, 5], [5, 7]: 1 operands are expected"),
    Violation(
      .operandCount, "%9 = add %0 : each [8, 5] @ \"net/sum\"",
      "net/sum: add of each [8, 5]: 2 operands are expected"),
    Violation(
      .operandCount, "%9 = constant %2 {value = 1, shape = []} : []",
      "constant of []: 0 operands are expected"),
    Violation(
      .operandCount, "%9 = dense %0, %1 : each [8, 7] @ \"net/dense_0\"",
      "net/dense_0: dense of each [8, 5], [5, 7]: 3 operands are expected"),
    Violation(
      .operandCount,
      "%9, %10, %11 = batch_norm_gradient %0, %0, %3, %3, %3"
        + " {axes = [0], epsilon = 0.001, activation = \"tanh\"} : each [8, 5], each [5], each [5]",
      "batch_norm_gradient of each [8, 5], each [8, 5], [5], [5], [5]: 6 operands are expected"),
    Violation(
      .operandCount, "%9 = concatenate {axis = 0} : []",
      "concatenate: at least one operand is expected"),
    Violation(
      .operandCount, "%9 = gradient %2 : []", "gradient of []: at least 2 operands are expected"),

    Violation(
      .positiveExtents, "%9 = input {name = \"y\", shape = [8, 0]} : each [8, 0]",
      "input: [8, 0] is empty or too large"),
    Violation(
      .positiveExtents, "%9 = constant {value = 1, shape = [-1]} : [-1]",
      "constant: [-1] is empty or too large"),
    Violation(
      .positiveExtents,
      "%9 = random {distribution = \"normal\", stream = \"z\", shape = [1048576, 1048577]}"
        + " : each [1048576, 1048577]",
      "random: [1048576, 1048577] is empty or too large"),
    Violation(
      .positiveExtents, "%9 = broadcast %2 {shape = [4294967296, 4294967296]} : []",
      "broadcast of []: [4294967296, 4294967296] is empty or too large"),
    Violation(
      .positiveExtents, "%9 = pad %3 {low = [0], high = [1099511627776]} : [1099511627781]",
      "pad of [5]: [1099511627781] is empty or too large"),

    Violation(
      .broadcastable, "%9 = multiply %0, %1 : each [8, 5] @ \"net/gate\"",
      "net/gate: multiply of each [8, 5], [5, 7]: the shapes do not broadcast"),
    Violation(
      .broadcastable, "%9 = broadcast %0 {shape = [8, 10]} : each [8, 10]",
      "broadcast of each [8, 5]: cannot be broadcast to [8, 10]"),
    Violation(
      .broadcastable, "%9 = broadcast %0 {shape = [5]} : each [5]",
      "broadcast of each [8, 5]: cannot be broadcast to [5]"),
    Violation(
      .broadcastable, "%9, %10 = activation_gradient_bias %0, %3 : each [8, 5], each [5]",
      "activation_gradient_bias of each [8, 5], [5]:"
        + " dy and y must have the same shape, of rank 1 or more"),

    Violation(
      .contraction, "%9 = product_plain %0, %0 : each [8, 5] @ \"net/dense_0\"",
      "net/dense_0: product_plain of each [8, 5], each [8, 5]:"
        + " the contracted extents 5 and 8 differ"),
    Violation(
      .contraction, "%9 = product_transposed_right %0, %1 : each [8, 5]",
      "product_transposed_right of each [8, 5], [5, 7]: the contracted extents 5 and 7 differ"),
    Violation(
      .contraction, "%9 = product_transposed_left %0, %1 : each [5, 7]",
      "product_transposed_left of each [8, 5], [5, 7]: the operands' rows differ"),
    Violation(
      .contraction, "%9 = product_plain %0, %3 : each [8]",
      "product_plain of each [8, 5], [5]: the ranks do not fit the form plain"),
    Violation(
      .contraction, "%9 = product_plain %2, %1 : [7]",
      "product_plain of [], [5, 7]: the ranks do not fit the form plain"),
    Violation(
      .contraction, "%9 = dense %0, %1, %3 : each [8, 7] @ \"net/dense_0\"",
      "net/dense_0: dense of each [8, 5], [5, 7], [5]: the bias must be one number a column"),

    Violation(
      .axes, "%9 = sum %0 {axes = [1, 0]} : each []",
      "sum of each [8, 5]: [1, 0] are not distinct, ascending axes of an operand of rank 2"),
    Violation(
      .axes, "%9 = sum %0 {axes = [0, 0]} : each [5]",
      "sum of each [8, 5]: [0, 0] are not distinct, ascending axes of an operand of rank 2"),
    Violation(
      .axes, "%9 = sum %0 {axes = [-1]} : each [8]",
      "sum of each [8, 5]: [-1] are not distinct, ascending axes of an operand of rank 2"),
    Violation(
      .axes, "%9 = concatenate %0, %0 {axis = 2} : each [8, 5]",
      "concatenate of each [8, 5], each [8, 5]:"
        + " [2] are not distinct, ascending axes of an operand of rank 2"),

    Violation(
      .sameCount, "%9 = reshape %0 {shape = [6, 7]} : each [6, 7] @ \"net\"",
      "net: reshape of each [8, 5]: 40 elements do not fill [6, 7]"),

    Violation(
      .permutation, "%9 = transpose %0 {permutation = [0, 0]} : each [8, 8]",
      "transpose of each [8, 5]: [0, 0] is no permutation of the axes"),
    Violation(
      .permutation, "%9 = transpose %0 {permutation = [1]} : each [5]",
      "transpose of each [8, 5]: [1] is no permutation of the axes"),

    Violation(
      .padding, "%9 = pad %0 {low = [1], high = [0, 0]} : each [9, 5]",
      "pad of each [8, 5]: one extent ≥ 0 an axis is expected, [1] and [0, 0] given"),
    Violation(
      .padding, "%9 = pad %0 {low = [0, -1], high = [0, 0]} : each [8, 4]",
      "pad of each [8, 5]: one extent ≥ 0 an axis is expected, [0, -1] and [0, 0] given"),

    Violation(
      .sliceBounds, "%9 = slice %0 {from = [0, 0], to = [8, 6]} : each [8, 6]",
      "slice of each [8, 5]: [0, 0] ..< [8, 6] does not lie within the operand"),
    Violation(
      .sliceBounds, "%9 = slice %0 {from = [3, 0], to = [3, 5]} : each [0, 5]",
      "slice of each [8, 5]: [3, 0] ..< [3, 5] does not lie within the operand"),
    Violation(
      .sliceBounds, "%9 = slice %0 {from = [3], to = [4]} : each [1, 5]",
      "slice of each [8, 5]: [3] ..< [4] does not lie within the operand"),

    Violation(
      .concatenation, "%9 = concatenate %0, %1 {axis = 0} : each [13, 5]",
      "concatenate of each [8, 5], [5, 7]: the operands differ in another axis than 0"),
    Violation(
      .concatenation, "%9 = concatenate %0, %3 {axis = 0} : each [8, 5]",
      "concatenate of each [8, 5], [5]: the operands differ in another axis than 0"),

    Violation(
      .batchNormShapes,
      "%9, %10, %11 = batch_norm %0, %3, %3 {axes = [1], epsilon = 0.001}"
        + " : each [8, 5], each [8], each [8] @ \"net/batch_norm_0\"",
      "net/batch_norm_0: batch_norm of each [8, 5], [5], [5]:"
        + " statistics are taken over at least one axis, and never over the last"),
    Violation(
      .batchNormShapes,
      "%9, %10, %11 = batch_norm %0, %3, %2 {axes = [0], epsilon = 0.001}"
        + " : each [8, 5], each [5], each [5]",
      "batch_norm of each [8, 5], [5], []: γ and β must have the extent of the last axis"),
    Violation(
      .batchNormShapes,
      "%9, %10, %11 = batch_norm_gradient %0, %0, %3, %3, %2 {axes = [0], epsilon = 0.001}"
        + " : each [8, 5], each [5], each [5]",
      "batch_norm_gradient of each [8, 5], each [8, 5], [5], [5], []:"
        + " (dy, x, γ, mean, variance) do not fit each other"),

    Violation(
      .variables, "%9 = variable {name = \"kernle\"} : [5, 7] @ \"net/dense_0\"",
      "net/dense_0: variable: no variable is named \"kernle\""),

    Violation(
      .distribution, "%9 = all_reduce %1 {reduction = \"mean\"} : [5, 7]",
      "all_reduce of [5, 7]: the operand is already the same in every replica"),
    Violation(
      .distribution, "%9 = reduced_product %1, %1 {reduction = \"sum\"} : [7, 7]",
      "reduced_product of [5, 7], [5, 7]: the operand is already the same in every replica"),

    Violation(
      .scalarGradient, "%9 = gradient %0, %1 : each [5, 7] @ \"loss\"",
      "loss: gradient of each [8, 5], [5, 7]: the gradient of a scalar is expected"),

    Violation(
      .singleAssignment, "%9 = negate %10 : each [8, 5] @ \"net\"",
      "net: negate: %10 is used before it is defined"),
    Violation(
      .singleAssignment, "%9 = negate %0 : [8, 5] @ \"net\"",
      "net: negate of each [8, 5]: the results must have the types each [8, 5]"),
    Violation(
      .singleAssignment, "%9, %10 = negate %0 : each [8, 5], each [8, 5]",
      "negate of each [8, 5]: the results must have the types each [8, 5]"),
    Violation(
      .singleAssignment, "%0 = negate %0 : each [8, 5]", "negate: %0 is defined twice"),

    Violation(
      .streams,
      "%9 = random {distribution = \"normal\", stream = \"noise\", shape = [8]} : each [8]\n"
        + "%10 = random {distribution = \"uniform\", stream = \"noise\", shape = [4]} : each [4]",
      "random: the stream \"noise\" is drawn from twice"),

    Violation(
      .numbers, "%9 = constant {value = inf, shape = []} : []",
      "constant: the constant inf is not finite"),
    Violation(
      .numbers, "%9 = replica_constant {values = []} : each []",
      "replica_constant: one finite number a replica is expected, [] given"),
    Violation(
      .numbers, "%9 = replica_constant {values = [1, nan]} : each []",
      "replica_constant: one finite number a replica is expected, [1.0, nan] given"),
    Violation(
      .numbers, "%9 = clamp %0 {low = 1, high = 0.5} : each [8, 5]",
      "clamp of each [8, 5]: the bounds 1.0 and 0.5 are out of order"),
    Violation(
      .numbers, "%9 = clamp_gradient %0, %0 {low = nan, high = 0.5} : each [8, 5]",
      "clamp_gradient of each [8, 5], each [8, 5]: the bounds nan and 0.5 are out of order"),
    Violation(
      .numbers, "%9 = leaky_relu %0 {slope = -0.2} : each [8, 5]",
      "leaky_relu of each [8, 5]: the slope -0.2 is not a finite number ≥ 0"),
    Violation(
      .numbers,
      "%9, %10, %11 = batch_norm %0, %3, %3 {axes = [0], epsilon = 0}"
        + " : each [8, 5], each [5], each [5]",
      "batch_norm of each [8, 5], [5], [5]: ε = 0.0 is not positive"),
  ]

  static let ofPrograms: [Violation] = [
    Violation(
      .variables, "variable \"kernel\" [5, 7] parameter {value = 0}",
      "kernel: variable: \"kernel\" is declared twice"),
    Violation(
      .variables, "assign \"lost\" %0", "lost: assign of each [8, 5]: no variable is named \"lost\""
    ),
    Violation(
      .variables, "adam \"lost\" %1 \(adam)", "lost: adam of [5, 7]: no variable is named \"lost\""),
    Violation(
      .distribution, "variable \"own\" each [5] parameter {value = 0}",
      "own: variable: a parameter must be the same in every replica"),
    Violation(
      .distribution, "assign \"shared\" %0",
      "shared: assign of each [8, 5]: the value differs between replicas, the variable does not"),
    Violation(
      .distribution,
      "%9 = product_transposed_left %0, %4 : each [5, 7]\nadam \"kernel\" %9 \(adam)",
      "kernel: adam of each [5, 7]: the value differs between replicas, the variable does not"),
    Violation(.singleAssignment, "output \"y\" %8", "output: %8 is not defined"),
    Violation(
      .updates, "assign \"shared\" %3",
      "shared: assign of [5]: a value of shape [8, 5] is expected"),
    Violation(
      .updates, "adam \"kernel\" %3 \(adam)",
      "kernel: adam of [5]: a value of shape [5, 7] is expected"),
    Violation(
      .updates, "assign \"last\" %0\nassign \"last\" %0",
      "last: assign of each [8, 5]: \"last\" is updated twice"),
    Violation(
      .updates, "adam \"kernel\" %1 \(adam)\nassign \"kernel\" %1",
      "kernel: assign of [5, 7]: \"kernel\" is updated twice"),
  ]

  private static let adam =
    "{learning_rate = 0.1, beta1 = 0.5, beta2 = 0.9, epsilon = 1e-08, variant = \"keras\"}"
}

struct ConstraintTests {
  /// Values of several types, for a violation to use.
  private static let soundLines = """
    variable "kernel" [5, 7] parameter {value = 0}
    variable "shared" [8, 5] state {value = 0}
    variable "last" each [8, 5] state {value = 0}
    %0 = input {name = "x", shape = [8, 5]} : each [8, 5]
    %1 = variable {name = "kernel"} : [5, 7]
    %2 = constant {value = 1, shape = []} : []
    %3 = constant {value = 1, shape = [5]} : [5]
    %4 = input {name = "dy", shape = [8, 7]} : each [8, 7]
    %5 = input {name = "images", shape = [2, 3, 6, 6, 4]} : each [2, 3, 6, 6, 4]
    %6 = constant {value = 0, shape = [3, 3, 4, 5]} : [3, 3, 4, 5]
    """

  private func program(_ lines: String) throws(ProgramError) -> ReplicaProgram {
    try ReplicaProgram(text: "program \"violation\" {\n\(Self.soundLines)\n\(lines)\n}\n")
  }

  @Test(arguments: Violation.ofInstructions + Violation.ofPrograms + Violation.ofImages)
  func refusal(_ violation: Violation) throws {
    let error = try #require(throws: ProgramError.self) { try program(violation.lines) }
    #expect(error.description == "\(violation.message) (\(violation.constraint.rawValue))")
    guard case .constraint(violation.constraint, _, _, _, _) = error else {
      Issue.record("\(error)")
      return
    }
  }

  @Test func theLinesAroundAViolationAreSound() throws {
    #expect(try program("").instructions.count == 7)
  }

  @Test func everyConstraintIsViolatedOnce() {
    let violated = Set(
      (Violation.ofInstructions + Violation.ofPrograms + Violation.ofImages).map(\.constraint))
    #expect(violated == Set(Constraint.allCases))
  }

  @Test func constraintsAreNumberedInOrder() {
    #expect(Constraint.allCases.map(\.rawValue) == (1...19).map { "C\($0)" })
  }

  /// The text form cannot say it: a list of pairs has as many parameters as gradients.
  @Test func adamWithoutAGradient() throws {
    var unsound = try program("")
    unsound.updates = [
      .adam(
        Adam(learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-8, variant: .keras),
        parameters: ["kernel", "shared"], gradients: [Value(index: 1)])
    ]
    let error = try #require(throws: ProgramError.self) { try unsound.verify() }
    #expect(error.description == "adam: 2 parameters have 1 gradients (C1)")
  }
}
