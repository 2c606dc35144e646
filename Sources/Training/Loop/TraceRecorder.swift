import Program
import Replicas
import RunConfiguration
import RunFiles

/// Records steps so that an independent program can check each of them: inputs, what every replica
/// did, the averaged gradient, and the parameters after the update. The step is `train`'s own.
///
/// Every process of a run records; the first one writes.
package struct TraceRecorder {
  private let run: TrainingRun
  private let writer: SafetensorsWriter?
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
      writer =
        run.processes.isFirst
        ? try SafetensorsWriter(path: path, metadata: ["config": run.configuration.json]) : nil
    } catch { throw .file(error) }
  }

  /// Runs and records `steps` steps, and completes the file.
  package func record(steps: Int) throws(TrainingError) {
    let parameters = run.store.variables.filter { $0.name != TrainingStep.last }
    for variable in parameters {
      try add("initial/\(variable.name)", variable, run.store.read(variable.name))
    }
    for step in 0..<steps {
      let last = try run.gathered { $0.variable(TrainingStep.last) }
      try run.advance(steps: 1)
      try add("step/\(step)/last", shape: imageShape, last)
      try record(step, parameters)
    }
    do throws(RunFileError) { try writer?.finish() } catch { throw .file(error) }
  }

  private func record(_ step: Int, _ parameters: [Variable]) throws(TrainingError) {
    try add(
      "step/\(step)/noise",
      shape: [run.configuration.batchSize, run.configuration.model.latentSize],
      try run.gathered { $0.output("noise") ?? [] })
    for output in [TrainingStep.real, "generated"] {
      try add(
        "step/\(step)/\(output)", shape: imageShape,
        try run.gathered { $0.output(output) ?? [] })
    }
    for shard in try run.shards() ?? [] {
      for (column, value) in zip(ShardStatistics.columns, shard.values) {
        guard let value else { continue }
        try add("step/\(step)/replica/\(shard.replica)/\(column)", shape: [], [value])
      }
    }
    try recordDropout(step)
    for variable in parameters {
      if let gradient = run.replicas[0].output("gradient/\(variable.name)") {
        try add("step/\(step)/gradient/\(variable.name)", variable, gradient)
      }
      try add("step/\(step)/parameter/\(variable.name)", variable, run.store.read(variable.name))
    }
  }

  /// Each layer's multipliers, pass by pass: of the global batch, in replica order.
  private func recordDropout(_ step: Int) throws(TrainingError) {
    for (layer, shape) in dropouts {
      guard let values = try run.gathered({ $0.output("dropout/\(layer)") ?? [] }) else { continue }
      // A replica's: [passes, examples, …].
      let count = shape.dropFirst().reduce(1, *)
      let passes = PassName.allCases
      for (index, pass) in passes.enumerated() {
        try add(
          "step/\(step)/dropout/\(pass.rawValue)/\(layer)",
          shape: [run.placement.replicas * shape[1]] + shape.dropFirst(2),
          (0..<run.placement.replicas).flatMap { replica in
            values[((replica * passes.count + index) * count)...].prefix(count)
          })
      }
    }
  }

  private func add(
    _ name: String, _ variable: Variable, _ values: [Float]
  ) throws(TrainingError) {
    try add(name, shape: variable.type.shape.dimensions, values)
  }

  private func add(_ name: String, shape: [Int], _ values: [Float]?) throws(TrainingError) {
    guard let writer, let values else { return }
    do throws(RunFileError) { try writer.add(name, shape: shape, values) } catch {
      throw .file(error)
    }
  }
}
