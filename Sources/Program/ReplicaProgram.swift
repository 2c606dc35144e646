/// A value of a program in static single assignment; printed as `%index`.
package struct Value: Hashable, Sendable, CustomStringConvertible {
  package let index: Int
  package init(index: Int) { self.index = index }
  package var description: String { "%\(index)" }
}

/// One operation applied to values.
package struct Instruction: Hashable, Sendable {
  package var operation: Operation
  package var operands: [Value]
  package var results: [Value]
  /// The layer that the instruction belongs to, for messages: `generator/dense_0`.
  package var layer: String

  package init(_ operation: Operation, _ operands: [Value], results: [Value], layer: String) {
    self.operation = operation
    self.operands = operands
    self.results = results
    self.layer = layer
  }
}

/// State that outlives a step. Its storage is outside the program: training, sampling and checking
/// programs share it.
package struct Variable: Hashable, Sendable {
  package enum Role: String, Hashable, Sendable {
    /// Trained by an optimizer; the same in every replica.
    case parameter
    /// Everything else: moving statistics, previous images.
    case state
  }

  package var name: String
  package var type: TensorType
  package var role: Role
  package var initial: InitialValue

  package init(name: String, type: TensorType, role: Role, initial: InitialValue) {
    self.name = name
    self.type = type
    self.role = role
    self.initial = initial
  }
}

/// How a variable starts: every element the same, or drawn from the stream `initial/<name>`.
package enum InitialValue: Hashable, Sendable {
  case constant(Double)
  /// Uniform in (−bound, bound).
  case uniform(bound: Double)
  case normal(mean: Double, deviation: Double)

  var isFinite: Bool {
    switch self {
    case .constant(let number), .uniform(let number): number.isFinite
    case .normal(let mean, let deviation): mean.isFinite && deviation.isFinite
    }
  }

  /// Glorot and Bengio 2010: uniform with bound √(6/(in + out)).
  package static func glorotUniform(inputs: Int, outputs: Int) -> InitialValue {
    .uniform(bound: (6 / Double(inputs + outputs)).squareRoot())
  }
}

/// Adam (Kingma and Ba 2015) as one of two frameworks computes it, at step t = 1, 2, …:
///
///     m ← β1·m + (1 − β1)·g      v ← β2·v + (1 − β2)·g²
///     keras:    p ← p − lr·√(1 − β2ᵗ)/(1 − β1ᵗ) · m/(√v + ε)
///     pytorch:  p ← p − lr/(1 − β1ᵗ) · m/(√v/√(1 − β2ᵗ) + ε)
package struct Adam: Hashable, Sendable {
  package enum Variant: String, Hashable, Sendable { case keras, pytorch }

  package var learningRate: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var variant: Variant

  package init(
    learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, variant: Variant
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.variant = variant
  }

  /// Whether the numbers are finite, the decays in [0, 1), and ε is positive.
  var isUsable: Bool {
    learningRate.isFinite && (0..<1).contains(beta1) && (0..<1).contains(beta2)
      && epsilon.isFinite && epsilon > 0
  }
}

/// A change of variables that takes effect at the end of the step.
package enum Update: Hashable, Sendable {
  case assign(variable: String, value: Value)
  /// One Adam over `parameters`, `gradients` in the same order.
  case adam(Adam, parameters: [String], gradients: [Value])

  package var operands: [Value] {
    switch self {
    case .assign(_, let value): [value]
    case .adam(_, _, let gradients): gradients
    }
  }
}

/// One step as a single replica sees it: a typed graph with static shapes, in an order in which it
/// can be run.
package struct ReplicaProgram: Hashable, Sendable {
  package struct Output: Hashable, Sendable {
    package var name: String
    package var value: Value
    package init(name: String, value: Value) {
      self.name = name
      self.value = value
    }
  }

  package var name: String
  package var variables: [Variable] = []
  package var instructions: [Instruction] = []
  /// The type of each value, by its index.
  package var types: [TensorType] = []
  package var outputs: [Output] = []
  package var updates: [Update] = []

  package init(name: String) { self.name = name }

  package func type(of value: Value) -> TensorType { types[value.index] }
  package func shape(of value: Value) -> Shape { types[value.index].shape }
  package func variable(named name: String) -> Variable? { variables.first { $0.name == name } }
  package func output(named name: String) -> Value? { outputs.first { $0.name == name }?.value }

  /// What the outside reads: outputs and updates.
  package var roots: [Value] { outputs.map(\.value) + updates.flatMap(\.operands) }
}
