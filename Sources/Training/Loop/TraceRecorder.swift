import Program
import Replicas
import RunConfiguration

/// Records steps so that an independent program can check each of them: inputs, what every replica
/// did, the averaged gradient, and the parameters after the update. The step is `train`'s own.
package struct TraceRecorder {
  private let run: TrainingRun
  private let writer: SafetensorsWriter
  private let imageShape: [Int]
  /// The dropout layers, with one replica's multipliers' shape [passes, examples, …].
  private let dropouts: [(layer: String, shape: [Int])]

  /// - Parameter run: records gradient norms and tensors.
  package init(_ run: TrainingRun, output path: String) throws(TrainingError) {
    self.run = run
    let image = run.configuration.model.image
    dropouts = run.outputs.compactMap { output in
      output.name.hasPrefix("dropout/")
        ? (String(output.name.dropFirst("dropout/".count)), output.shape.dimensions) : nil
    }
    imageShape = [run.configuration.batchSize, image.height, image.width, image.channels]
    do throws(RunFileError) {
      writer = try SafetensorsWriter(path: path, metadata: ["config": run.configuration.json])
    } catch { throw .file(error) }
  }

  /// Runs and records `steps` steps, and completes the file.
  package func record(steps: Int) throws(TrainingError) {
    let parameters = run.store.variables.filter { $0.name != TrainingStep.last }
    do throws(RunFileError) {
      for variable in parameters {
        try add("initial/\(variable.name)", variable, run.store.read(variable.name))
      }
    } catch { throw .file(error) }
    for step in 0..<steps {
      let last = run.replicas.flatMap { $0.variable(TrainingStep.last) }
      try run.advance(steps: 1)
      do throws(RunFileError) {
        try writer.add("step/\(step)/last", shape: imageShape, last)
        try record(step, parameters)
      } catch { throw .file(error) }
    }
    do throws(RunFileError) { try writer.finish() } catch { throw .file(error) }
  }

  private func record(_ step: Int, _ parameters: [Variable]) throws(RunFileError) {
    let replicas = run.replicas
    func gathered(_ output: String) -> [Float] { replicas.flatMap { $0.output(output) ?? [] } }
    try writer.add(
      "step/\(step)/noise",
      shape: [run.configuration.batchSize, run.configuration.model.latentSize], gathered("noise"))
    for output in [TrainingStep.real, "generated"] {
      try writer.add("step/\(step)/\(output)", shape: imageShape, gathered(output))
    }
    for shard in run.shards {
      for (column, value) in zip(ShardStatistics.columns, shard.values) {
        guard let value else { continue }
        try writer.add("step/\(step)/replica/\(shard.replica)/\(column)", shape: [], [value])
      }
    }
    try recordDropout(step, replicas)
    for variable in parameters {
      if let gradient = replicas[0].output("gradient/\(variable.name)") {
        try add("step/\(step)/gradient/\(variable.name)", variable, gradient)
      }
      try add("step/\(step)/parameter/\(variable.name)", variable, run.store.read(variable.name))
    }
  }

  /// Each layer's multipliers, pass by pass: of the global batch, in replica order.
  private func recordDropout(_ step: Int, _ replicas: [Replica]) throws(RunFileError) {
    for (layer, shape) in dropouts {
      let values = replicas.map { $0.output("dropout/\(layer)") ?? [] }
      let count = shape.dropFirst().reduce(1, *)
      for (index, pass) in PassName.allCases.enumerated() {
        try writer.add(
          "step/\(step)/dropout/\(pass.rawValue)/\(layer)",
          shape: [replicas.count * shape[1]] + shape.dropFirst(2),
          values.flatMap { $0[(index * count)..<((index + 1) * count)] })
      }
    }
  }

  private func add(
    _ name: String, _ variable: Variable, _ values: [Float]
  ) throws(RunFileError) {
    try writer.add(name, shape: variable.type.shape.dimensions, values)
  }
}

extension TrainingRun {
  /// Sets variables from a safetensors file: the `initial/…` of a trace, or plain parameter names.
  ///
  /// - Throws: `TrainingError.file`, `.initialValue`
  package func loadInitialValues(path: String) throws(TrainingError) {
    let reader: SafetensorsReader
    do throws(RunFileError) { reader = try SafetensorsReader(path: path) } catch {
      throw .file(error)
    }
    let prefix = "initial/"
    let isTrace = reader.entries.contains { $0.name.hasPrefix(prefix) }
    let entries = isTrace ? reader.entries.filter { $0.name.hasPrefix(prefix) } : reader.entries
    try setInitialValues(
      entries.map { entry in
        (
          isTrace ? String(entry.name.dropFirst(prefix.count)) : entry.name, entry.shape,
          reader.values(entry)
        )
      }, from: path)
  }
}
