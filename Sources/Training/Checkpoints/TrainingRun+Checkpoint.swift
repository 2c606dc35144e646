import Program
import ProgramPasses
import Replicas
import RunConfiguration
import RunFiles

/// A run's state, out of its processes and back into them: all of it is collective.
extension TrainingRun {
  /// A copy of everything that the next steps depend on; nil in all processes but the first.
  ///
  /// - Parameters:
  ///   - seconds: of training, since the first step.
  ///   - score: of the checkpoint that this will be.
  package func checkpoint(
    seconds: Double, score: Double? = nil
  ) throws(TrainingError) -> Checkpoint? {
    var tensors: [NamedTensor] = []
    for variable in store.variables {
      for saved in variable.savedTensors(replicas: placement.replicas) {
        guard let values = try values(of: variable.name, saved.part) else { continue }
        tensors.append(NamedTensor(saved.name, shape: saved.shape, values))
      }
    }
    return processes.isFirst
      ? Checkpoint(facts(seconds: seconds, score: score), tensors: tensors) : nil
  }

  /// Nil in all processes but the first.
  private func values(
    of variable: String, _ part: SavedTensor.Part
  ) throws(TrainingError) -> [Float]? {
    if part == .replicas { return try gathered { $0.variable(variable) } }
    guard processes.isFirst else { return nil }
    if case .moment(let moment) = part { return store.read(moment, of: variable) }
    return store.read(variable)
  }

  private func facts(seconds: Double, score: Double?) -> CheckpointFacts {
    CheckpointFacts(
      step: completedSteps, updates: completedSteps + uncounted, seconds: seconds, score: score,
      configuration: configuration.json, program: programHash, data: data, version: programVersion,
      ranks: placement.ranks, threads: placement.threads)
  }

  /// Makes the run what it was when the checkpoint was taken, on whatever placement.
  ///
  /// - Parameters:
  ///   - checkpoint: nil in all processes but the first, which tells the others.
  ///   - file: what errors name.
  /// - Throws: `TrainingError.initialValue` where a tensor is missing or has another shape.
  package func restore(_ checkpoint: Checkpoint?, from file: String) throws(TrainingError) {
    precondition((checkpoint != nil) == processes.isFirst, "the first process has the checkpoint")
    try checkpoint?.require(store.variables, replicas: placement.replicas, in: file)
    var everything: [String: [Float]] = [:]
    for tensor in checkpoint?.tensors ?? [] { everything[tensor.name] = tensor.values }
    for variable in store.variables {
      for saved in variable.savedTensors(replicas: placement.replicas) {
        let own = everything[saved.name] ?? []
        let values = processes.count == 1 ? own : try broadcast(own)
        switch saved.part {
        case .value: store.write(values, to: variable.name)
        case .moment(let moment): store.write(values, to: moment, of: variable.name)
        case .replicas:
          let count = variable.type.shape.count
          for replica in store.replicas {
            store.write(
              Array(values[(replica * count)..<((replica + 1) * count)]), to: variable.name,
              replica: replica)
          }
        }
      }
    }
    let updates = try broadcast([checkpoint?.facts.updates ?? 0])[0]
    resume(after: updates)
    // Shared parameters have their values before anyone reads them.
    try meet("the first step")
  }
}
