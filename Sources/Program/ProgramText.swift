/// The text form, which `ReplicaProgram.init(text:)` reads back:
///
///     program "selfTPU" {
///       variable "generator/dense_0/kernel" [100, 256] parameter {bound = 0.129}
///       %0 = input {name = "real", shape = [8, 28, 28, 1]} : each [8, 28, 28, 1] @ "discriminator"
///       %1, %2, %3 = batch_norm %0, %4, %5 {axes = [0], epsilon = 0.001} : each [8, 256], each [256], each [256]
///       output "loss" %9
///       assign "last" %7
///       adam "generator/dense_0/kernel" %8 {learning_rate = 0.0002, …, variant = "keras"}
///     }
extension ReplicaProgram: CustomStringConvertible {
  package var description: String {
    var lines = ["program \"\(name)\" {"]
    for variable in variables {
      lines.append(
        "  variable \"\(variable.name)\" \(variable.type) \(variable.role.rawValue)"
          + Self.text(of: variable.initial.attributes))
    }
    lines += instructions.map { "  " + text(of: $0) }
    lines += outputs.map { "  output \"\($0.name)\" \($0.value)" }
    lines += updates.map { "  " + Self.text(of: $0) }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  /// One instruction's line.
  package func text(of instruction: Instruction) -> String {
    let list = { (values: [Value]) in values.map(\.description).joined(separator: ", ") }
    var text = "\(list(instruction.results)) = \(instruction.operation.mnemonic)"
    if !instruction.operands.isEmpty { text += " " + list(instruction.operands) }
    text += Self.text(of: instruction.operation.attributes)
    text += " : " + instruction.results.map { type(of: $0).description }.joined(separator: ", ")
    return instruction.layer.isEmpty ? text : text + " @ \"\(instruction.layer)\""
  }

  private static func text(of attributes: [(key: String, value: Attribute)]) -> String {
    if attributes.isEmpty { return "" }
    return " {" + attributes.map { "\($0.key) = \($0.value.text)" }.joined(separator: ", ") + "}"
  }

  private static func text(of update: Update) -> String {
    switch update {
    case .assign(let variable, let value): return "assign \"\(variable)\" \(value)"
    case .adam(let adam, let parameters, let gradients):
      let pairs = zip(parameters, gradients).map { "\"\($0)\" \($1)" }
      return "adam " + pairs.joined(separator: ", ") + text(of: adam.attributes)
    }
  }
}

extension Adam {
  var attributes: [(key: String, value: Attribute)] {
    [
      ("learning_rate", .number(learningRate)), ("beta1", .number(beta1)),
      ("beta2", .number(beta2)), ("epsilon", .number(epsilon)),
      ("variant", .string(variant.rawValue)),
    ]
  }

  init?(attributes: [String: Attribute]) {
    var read = AttributeReader(attributes)
    do {
      self.init(
        learningRate: try read.number("learning_rate"), beta1: try read.number("beta1"),
        beta2: try read.number("beta2"), epsilon: try read.number("epsilon"),
        variant: try read.word("variant"))
    } catch { return nil }
    if !read.isExhausted { return nil }
  }
}

extension InitialValue {
  var attributes: [(key: String, value: Attribute)] {
    switch self {
    case .constant(let number): [("value", .number(number))]
    case .uniform(let bound): [("bound", .number(bound))]
    case .normal(let mean, let deviation):
      [("mean", .number(mean)), ("deviation", .number(deviation))]
    }
  }

  init?(attributes: [String: Attribute]) {
    var read = AttributeReader(attributes)
    if let number = try? read.number("value") {
      self = .constant(number)
    } else if let bound = try? read.number("bound") {
      self = .uniform(bound: bound)
    } else if let mean = try? read.number("mean"), let deviation = try? read.number("deviation") {
      self = .normal(mean: mean, deviation: deviation)
    } else {
      return nil
    }
    if !read.isExhausted { return nil }
  }
}
