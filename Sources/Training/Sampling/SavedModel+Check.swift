import Program
import RunConfiguration
import RunFiles

extension SavedModel {
  /// Makes sure that the file has everything that the model which its configuration builds has, in its
  /// shape, nothing else, and only finite numbers.
  ///
  /// - Throws: `TrainingError.initialValue`, `.program`
  package func verify() throws(TrainingError) {
    let variables: [Variable]
    do throws(ProgramError) {
      variables = try TrainingStep(configuration).program().variables
    } catch { throw .program(error) }
    try requireVariables(variables)
    let expected = Set(variables.flatMap { shapes(of: $0).map(\.name) })
    for tensor in tensors {
      guard expected.contains(tensor.name) else {
        throw .initialValue(
          name: tensor.name, file: path, detail: "the model has no variable of this name")
      }
      let bad = tensor.values.count { !$0.isFinite }
      if bad > 0 {
        throw .initialValue(
          name: tensor.name, file: path,
          detail: "\(bad) of its \(tensor.values.count) numbers are not finite")
      }
    }
  }

  /// Makes sure that the file has `variables`, in their shapes.
  ///
  /// - Throws: `TrainingError.initialValue`
  func requireVariables(_ variables: [Variable]) throws(TrainingError) {
    let found = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    for (name, shape) in variables.flatMap(shapes) {
      guard let there = found[name] else {
        throw .initialValue(name: name, file: path, detail: "there is no such tensor")
      }
      guard there == shape else {
        throw .initialValue(
          name: name, file: path, detail: "the shape \(there) is not the model's \(shape)")
      }
    }
  }

  /// The tensors that the file has of a variable.
  private func shapes(of variable: Variable) -> [(name: String, shape: [Int])] {
    let (name, shape) = (variable.name, variable.type.shape.dimensions)
    guard facts != nil else { return name == TrainingStep.last ? [] : [(name, shape)] }
    if variable.type.distribution == .perReplica {
      return [(Checkpoint.ofReplicas + name, [configuration.replicas] + shape)]
    }
    guard variable.role == .parameter else { return [(name, shape)] }
    return ["", Checkpoint.firstMoment, Checkpoint.secondMoment].map { ($0 + name, shape) }
  }
}
