import RunFiles
import Training

extension ModelWeights {
  /// A checkpoint before the first step: these weights, the same moving statistics in every replica, and zeros for
  /// Adam's moments and the previous images.
  ///
  /// With `objective.warmUp`, the update that does not count has taken place, of which nothing but its number stays.
  ///
  /// - Parameters:
  ///   - data: what will be trained on, which a checkpoint says.
  ///   - file: where the weights come from, for errors.
  /// - Throws: `InterchangeError.training`
  package func checkpoint(
    data: RunData, from file: String
  ) throws(InterchangeError) -> Checkpoint {
    do throws(TrainingError) {
      let run = try TrainingRun(configuration, data: data)
      try run.setInitialValues(Array(tensors.values), from: file)
      guard var checkpoint = try run.checkpoint(seconds: 0) else {
        preconditionFailure("a run in one process has its first process")
      }
      let last = Checkpoint.ofReplicas + TrainingStep.last
      checkpoint.tensors = checkpoint.tensors.map { tensor in
        let isZero =
          tensor.name == last || tensor.name.hasPrefix(Checkpoint.firstMoment)
          || tensor.name.hasPrefix(Checkpoint.secondMoment)
        return isZero
          ? NamedTensor(
            tensor.name, shape: tensor.shape, Array(repeating: 0, count: tensor.values.count))
          : tensor
      }
      return checkpoint
    } catch { throw .training(error) }
  }
}
