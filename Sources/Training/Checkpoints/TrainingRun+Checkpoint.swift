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
      let shape = variable.type.shape.dimensions
      if variable.type.distribution == .perReplica {
        guard let all = try gathered({ $0.variable(variable.name) }) else { continue }
        tensors.append(
          NamedTensor(
            Checkpoint.ofReplicas + variable.name, shape: [placement.replicas] + shape, all))
      } else if processes.isFirst {
        tensors.append(NamedTensor(variable.name, shape: shape, store.read(variable.name)))
        if variable.role == .parameter {
          let moments = store.readMoments(variable.name)
          tensors += [
            NamedTensor(Checkpoint.firstMoment + variable.name, shape: shape, moments.first),
            NamedTensor(Checkpoint.secondMoment + variable.name, shape: shape, moments.second),
          ]
        }
      }
    }
    return processes.isFirst
      ? Checkpoint(facts(seconds: seconds, score: score), tensors: tensors) : nil
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
  ///   - checkpoint: is read in the first process only, which tells the others.
  ///   - file: what errors name.
  /// - Throws: `TrainingError.initialValue` where a tensor is missing or has another shape.
  package func restore(_ checkpoint: Checkpoint?, from file: String) throws(TrainingError) {
    var tensors: [String: NamedTensor] = [:]
    for tensor in checkpoint?.tensors ?? [] { tensors[tensor.name] = tensor }
    for variable in store.variables {
      let shape = variable.type.shape.dimensions
      func values(_ prefix: String, _ shape: [Int]) throws(TrainingError) -> [Float] {
        try self.values(of: tensors[prefix + variable.name], prefix + variable.name, shape, file)
      }
      guard variable.type.distribution != .perReplica else {
        let all = try values(Checkpoint.ofReplicas, [placement.replicas] + shape)
        let count = variable.type.shape.count
        for replica in store.replicas {
          store.write(
            Array(all[(replica * count)..<((replica + 1) * count)]), to: variable.name,
            replica: replica)
        }
        continue
      }
      store.write(try values("", shape), to: variable.name)
      if variable.role == .parameter {
        let first = try values(Checkpoint.firstMoment, shape)
        let second = try values(Checkpoint.secondMoment, shape)
        store.writeMoments(first: first, second: second, of: variable.name)
      }
    }
    let updates = try broadcast([checkpoint?.facts.updates ?? 0])[0]
    resume(after: updates)
    // Shared parameters have their values before anyone reads them.
    try meet("the first step")
  }

  /// The values of the first process's tensor, in all.
  private func values(
    of tensor: NamedTensor?, _ name: String, _ shape: [Int], _ file: String
  ) throws(TrainingError) -> [Float] {
    if processes.isFirst {
      guard let tensor else {
        throw .initialValue(name: name, file: file, detail: "there is no such tensor")
      }
      guard tensor.shape == shape else {
        throw .initialValue(
          name: name, file: file, detail: "the shape \(tensor.shape) is not the model's \(shape)")
      }
    }
    return processes.count == 1 ? tensor?.values ?? [] : try broadcast(tensor?.values ?? [])
  }
}
