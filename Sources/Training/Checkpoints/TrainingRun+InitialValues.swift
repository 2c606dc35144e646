import Program
import RunFiles

/// Variables that begin as something else than what the seed gives.
extension TrainingRun {
  /// Sets variables from a safetensors file: the `initial/…` of a trace, plain parameter names, or a checkpoint, of which
  /// each replica takes what it has there; Adam's moments stay zero.
  ///
  /// - Throws: `TrainingError.file`, `.initialValue`
  package func loadInitialValues(path: String) throws(TrainingError) {
    let reader: SafetensorsReader
    var checkpoint: Checkpoint?
    do throws(RunFileError) {
      reader = try SafetensorsReader(path: path)
      if CheckpointFacts.isMeant(by: reader.metadata) { checkpoint = try Checkpoint(reader) }
    } catch { throw .file(error) }
    if let checkpoint {
      try setInitialValues(
        checkpoint.shared, ofReplicas: checkpoint.ofReplicas.map(\.replicas), from: path)
      return
    }
    let prefix = "initial/"
    let isTrace = reader.entries.contains { $0.name.hasPrefix(prefix) }
    let entries = isTrace ? reader.entries.filter { $0.name.hasPrefix(prefix) } : reader.entries
    try setInitialValues(
      entries.map { entry in
        NamedTensor(
          isTrace ? String(entry.name.dropFirst(prefix.count)) : entry.name, shape: entry.shape,
          reader.values(entry))
      }, from: path)
  }

  /// Sets variables from named values: every replica's where each has its own. Collective.
  ///
  /// - Parameter ofReplicas: of variables that each replica has of its own, replica after replica.
  /// - Throws: `TrainingError.initialValue` where a name, a size or the number of replicas does not fit.
  package func setInitialValues(
    _ values: [NamedTensor], ofReplicas: [[NamedTensor]] = [], from file: String
  ) throws(TrainingError) {
    for value in values { try setInitialValue(value, from: file) }
    for replicas in ofReplicas {
      guard replicas.count == placement.replicas else {
        throw .initialValue(
          name: replicas.first?.name ?? "", file: file,
          detail: "it is of \(replicas.count) replicas, and the run has \(placement.replicas)")
      }
      for replica in store.replicas {
        try setInitialValue(replicas[replica], replica: replica, from: file)
      }
    }
    try meet("the first step")
  }

  /// - Parameter replica: nil for all.
  private func setInitialValue(
    _ value: NamedTensor, replica: Int? = nil, from file: String
  ) throws(TrainingError) {
    guard let variable = store.variables.first(where: { $0.name == value.name }) else {
      throw .initialValue(
        name: value.name, file: file, detail: "the model has no variable of this name")
    }
    try value.require(variable.type.shape.dimensions, in: file)
    store.write(value.values, to: value.name, replica: replica)
  }
}
