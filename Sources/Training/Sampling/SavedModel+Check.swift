import Program
import RunConfiguration
import RunFiles

extension SavedModel {
  /// Makes sure that the file has everything that the model which its configuration builds has, in its
  /// shape, nothing else, and only numbers that training can make.
  ///
  /// - Throws: `TrainingError.initialValue`, `.program`
  package func verify() throws(TrainingError) {
    let expected = Set(try requireAllVariables().flatMap { shapes(of: $0).map(\.name) })
    for tensor in tensors {
      guard expected.contains(tensor.name) else {
        throw .initialValue(
          name: tensor.name, file: path, detail: "the model has no variable of this name")
      }
      func requireNone(_ problem: String, _ isBad: (Float) -> Bool) throws(TrainingError) {
        let bad = tensor.values.count(where: isBad)
        if bad == 0 { return }
        throw .initialValue(
          name: tensor.name, file: path,
          detail: "\(bad) of its \(tensor.values.count) numbers are \(problem)")
      }
      try requireNone("not finite") { !$0.isFinite }
      if tensor.name.hasSuffix("/\(BatchNormLayer.movingVariance)")
        || tensor.name.hasPrefix(Checkpoint.secondMoment)
      {
        try requireNone("negative, which means of squares are not") { $0 < 0 }
      }
    }
  }

  /// Makes sure that the file has everything that the model which its configuration builds has, in its shape.
  ///
  /// - Returns: what the model has.
  /// - Throws: `TrainingError.initialValue`, `.program`
  @discardableResult
  func requireAllVariables() throws(TrainingError) -> [Variable] {
    let variables: [Variable]
    do throws(ProgramError) {
      variables = try TrainingStep(configuration).program().variables
    } catch { throw .program(error) }
    try requireVariables(variables)
    return variables
  }

  /// Makes sure that the file has `variables`, in their shapes.
  ///
  /// - Throws: `TrainingError.initialValue`
  func requireVariables(_ variables: [Variable]) throws(TrainingError) {
    try tensors.require(variables.flatMap(shapes), in: path)
  }

  /// The tensors that the file has of a variable.
  private func shapes(of variable: Variable) -> [(name: String, shape: [Int])] {
    guard facts == nil else {
      return variable.savedTensors(replicas: configuration.replicas).map { ($0.name, $0.shape) }
    }
    return variable.name == TrainingStep.last
      ? [] : [(variable.name, variable.type.shape.dimensions)]
  }
}
