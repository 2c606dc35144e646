import Execution
import Program
import RunFiles

/// A tensor that a checkpoint has of a variable.
struct SavedTensor {
  enum Part: Equatable {
    /// The variable, which all replicas share.
    case value
    /// Of a parameter.
    case moment(Moment)
    /// The variable of every replica, one after another.
    case replicas
  }

  let part: Part
  let name: String
  let shape: [Int]
}

extension Variable {
  /// What a checkpoint has of the variable.
  func savedTensors(replicas: Int) -> [SavedTensor] {
    let shape = type.shape.dimensions
    if type.distribution == .perReplica {
      return [
        SavedTensor(
          part: .replicas, name: Checkpoint.ofReplicas + name, shape: [replicas] + shape)
      ]
    }
    let moments = role == .parameter ? Moment.allCases : []
    return [SavedTensor(part: .value, name: name, shape: shape)]
      + moments.map { moment in
        let prefix = moment == .first ? Checkpoint.firstMoment : Checkpoint.secondMoment
        return SavedTensor(part: .moment(moment), name: prefix + name, shape: shape)
      }
  }
}

extension Checkpoint {
  /// Makes sure that the checkpoint has all that a run of `variables` needs.
  ///
  /// - Parameter file: what errors name.
  /// - Throws: `TrainingError.initialValue`
  package func require(
    _ variables: [Variable], replicas: Int, in file: String
  ) throws(TrainingError) {
    try tensors.require(
      variables.flatMap { $0.savedTensors(replicas: replicas) }.map { ($0.name, $0.shape) },
      in: file)
  }
}

extension [NamedTensor] {
  /// Makes sure that all of `wanted` are there, in their shapes.
  ///
  /// - Parameter file: what errors name.
  /// - Throws: `TrainingError.initialValue`
  func require(
    _ wanted: [(name: String, shape: [Int])], in file: String
  ) throws(TrainingError) {
    let found = Dictionary(map { ($0.name, $0) }) { first, _ in first }
    for (name, shape) in wanted {
      guard let tensor = found[name] else {
        throw .initialValue(name: name, file: file, detail: "there is no such tensor")
      }
      try tensor.require(shape, in: file)
    }
  }
}

extension NamedTensor {
  /// - Throws: `TrainingError.initialValue` where the shape is another one.
  func require(_ expected: [Int], in file: String) throws(TrainingError) {
    if shape != expected {
      throw .initialValue(
        name: name, file: file, detail: "the shape \(shape) is not the model's \(expected)")
    }
  }
}
