import Program
import RunConfiguration
import RunFiles

/// A model as a file has it: a checkpoint, or the weights of a run that has ended, which are parameters by
/// their plain names and one set of moving statistics.
package struct SavedModel: Sendable {
  package let path: String
  package let configuration: Configuration
  /// Nil for weights.
  package let facts: CheckpointFacts?
  package let tensors: [NamedTensor]

  /// Reads and checks a file.
  ///
  /// - Throws: `TrainingError.file`, `.unusableModel`
  package static func read(_ path: String) throws(TrainingError) -> SavedModel {
    let reader: SafetensorsReader
    let checkpoint: Checkpoint?
    do throws(RunFileError) {
      reader = try SafetensorsReader(path: path)
      // Whatever seems to be a checkpoint must be a sound one.
      checkpoint = reader.isWeights ? nil : try Checkpoint(reader)
    } catch { throw .file(error) }
    if let checkpoint { return try SavedModel(checkpoint, path: path) }
    return try SavedModel(
      path: path, configuration: reader.metadata["config"] ?? "", facts: nil,
      tensors: reader.entries.map { NamedTensor($0.name, shape: $0.shape, reader.values($0)) })
  }

  /// - Parameter path: what errors name.
  /// - Throws: `TrainingError.unusableModel`
  package init(_ checkpoint: Checkpoint, path: String) throws(TrainingError) {
    try self.init(
      path: path, configuration: checkpoint.facts.configuration, facts: checkpoint.facts,
      tensors: checkpoint.tensors)
  }

  private init(
    path: String, configuration text: String, facts: CheckpointFacts?, tensors: [NamedTensor]
  ) throws(TrainingError) {
    guard text.utf8.count <= Configuration.largestFile else {
      throw .unusableModel(file: path, detail: "its configuration is too long")
    }
    do throws(ConfigurationError) {
      configuration = try Configuration.decode(text, source: "config")
    } catch {
      throw .unusableModel(file: path, detail: "its configuration cannot be used: \(error)")
    }
    let names = Set(tensors.map(\.name))
    for name in names where facts != nil && names.contains(Checkpoint.ofReplicas + name) {
      throw .unusableModel(
        file: path, detail: "it has \(name) for all replicas and for each of them")
    }
    self.path = path
    self.facts = facts
    self.tensors = tensors
  }

  /// The statistics that images can be drawn with. Weights have one set, which is what the run's
  /// configuration says; where all replicas keep one together, it is also the mean, and everyone's own.
  package var statistics: [SamplingStatistics] {
    let kept = configuration.batchNorm.movingStatistics
    if facts != nil || kept == .sequential { return SamplingStatistics.allCases }
    return [kept == .mean ? .mean : .first, .batch]
  }

  /// The variables as images are drawn with them.
  ///
  /// - Throws: `TrainingError.unusableModel` where the file has no such statistics.
  package func state(_ asked: SamplingStatistics) throws(TrainingError) -> TrainedState {
    guard statistics.contains(asked) else {
      throw .unusableModel(
        file: path,
        detail: "it has no statistics \"\(asked.rawValue)\", but "
          + statistics.map(\.rawValue).joined(separator: " and ")
          + "; a checkpoint has those of all replicas")
    }
    guard let facts else { return TrainedState(tensors, statistics: .first, everyones: [:]) }
    // Nobody has checked the shapes of tensors that the model does not have.
    let checkpoint = Checkpoint(
      facts,
      tensors: tensors.filter { tensor in
        !tensor.name.hasPrefix(Checkpoint.ofReplicas)
          || tensor.shape.first == configuration.replicas
      })
    let ofReplicas = checkpoint.ofReplicas.filter { $0.name != TrainingStep.last }
    let kept: Configuration.BatchNorm.MovingStatistics =
      switch asked {
      case .first, .batch: .first
      case .mean: .mean
      case .own: .own
      }
    return TrainedState(
      checkpoint.shared + ofReplicas.compactMap { $0.replicas.first }, statistics: kept,
      everyones: Dictionary(
        uniqueKeysWithValues: ofReplicas.map { ($0.name, $0.replicas.map(\.values)) }))
  }
}

extension SafetensorsReader {
  /// Whether it is a file of weights, which say nothing of themselves but their configuration.
  fileprivate var isWeights: Bool {
    metadata["config"] != nil && metadata["format"] == nil && metadata["checksum"] == nil
  }
}
