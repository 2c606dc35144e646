import RunConfiguration
import RunFiles

/// A model's weights: its parameters, and one set of moving statistics.
package struct ModelWeights: Sendable {
  /// Which moving statistics stand for those of all replicas.
  package enum Statistics: String, CaseIterable, Sendable {
    /// Replica 0's.
    case first
    /// The mean over the replicas.
    case mean
  }

  package let configuration: Configuration
  /// By the variable's name.
  package let tensors: [String: NamedTensor]
  /// Completed steps; nil where the file does not say.
  package let step: Int?

  /// Makes sure that every variable of the model has its tensor.
  ///
  /// - Parameter file: what errors name.
  /// - Throws: `InterchangeError.tensor`, `.program`
  package init(
    _ configuration: Configuration, _ tensors: [NamedTensor], step: Int?, file: String
  ) throws(InterchangeError) {
    self.configuration = configuration
    self.step = step
    self.tensors = Dictionary(tensors.map { ($0.name, $0) }) { $1 }
    for variable in try ModelOutline(configuration).variables {
      let expected = variable.type.shape.dimensions
      guard let tensor = self.tensors[variable.name] else {
        throw .missing(variable.name, shape: expected, file: file)
      }
      try tensor.shape.require(expected, of: variable.name, file: file)
    }
  }
}

extension InterchangeError {
  static func missing(_ name: String, shape: [Int], file: String) -> InterchangeError {
    .tensor(
      name: name, file: file, detail: "there is no such tensor; expected one of shape \(shape)")
  }
}

extension [Int] {
  /// - Throws: `InterchangeError.tensor`
  func require(_ expected: [Int], of name: String, file: String) throws(InterchangeError) {
    if self != expected {
      throw .tensor(
        name: name, file: file, detail: "the shape \(self) is not the model's \(expected)")
    }
  }
}
