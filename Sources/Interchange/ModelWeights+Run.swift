import Training

/// A model's weights out of what a run writes.
extension ModelWeights {
  /// - Parameter statistics: whose moving statistics; nil takes those that the configuration names, and replica 0's where
  ///   it names all.
  /// - Throws: `InterchangeError`
  package init(_ model: SavedModel, statistics: Statistics?) throws(InterchangeError) {
    let asked =
      statistics ?? (model.configuration.batchNorm.movingStatistics == .mean ? .mean : .first)
    let state: TrainedState
    do throws(TrainingError) {
      state = try model.state(asked == .mean ? .mean : .first)
    } catch { throw .training(error) }
    try self.init(
      model.configuration, state.entries, step: model.facts?.step, file: model.path)
  }
}
