import RunConfiguration

/// Writes a run's directory: the configuration, metrics, shards, pictures and weights.
package final class RunRecorder {
  /// How many images a grid shows.
  package static let gridCount = Sampler.gridSide * Sampler.gridSide

  private let directory: RunDirectory
  private let configuration: Configuration
  private let metrics: MetricsLog
  private let shards: ShardsLog
  private let sampler: Sampler

  /// Creates the directory, and writes what is known before the first step.
  ///
  /// - Parameters:
  ///   - path: the directory; nil for `runs/00001-<name>`, counting up.
  ///   - reals: images of the dataset, [25, height, width, channels], to compare with.
  package init(
    _ run: TrainingRun, directory path: String?, name: String, reals: [Float]
  ) throws(TrainingError) {
    configuration = run.configuration
    sampler = try Sampler(run.configuration)
    do throws(RunFileError) {
      let directory = try RunDirectory(path: path, name: name)
      let yaml = run.configuration.yaml
      try OutputFile.writeAtomically(to: directory.configuration) { (file) throws(RunFileError) in
        try file.write(yaml)
      }
      try Self.grid(reals, run.configuration).write(to: directory.reals)
      metrics = try MetricsLog(path: directory.metrics)
      shards = try ShardsLog(path: directory.shards)
      self.directory = directory
    } catch { throw .file(error) }
  }

  package var path: String { directory.path }

  private static func grid(_ images: [Float], _ configuration: Configuration) -> PNGImage {
    let image = configuration.model.image
    return PNGImage(
      grid: images, height: image.height, width: image.width, channels: image.channels,
      columns: Sampler.gridSide)
  }

  /// Appends a logged step to the metrics and the shards.
  ///
  /// - Returns: the mean losses over the replicas, by their columns.
  func log(
    _ rows: [ShardStatistics], step: Int, seconds: Double, millisecondsPerStep: Double
  ) throws(TrainingError) -> [String: Float] {
    var means: [String: Float] = [:]
    for column in ShardStatistics.losses {
      let values = rows.compactMap { $0[column] }
      if !values.isEmpty { means[column] = values.reduce(0, +) / Float(values.count) }
    }
    do throws(RunFileError) {
      try metrics.append(
        MetricsLog.Line(
          step: step, examples: step * configuration.batchSize, seconds: seconds,
          millisecondsPerStep: millisecondsPerStep,
          losses: (
            means["loss_self"], means["loss_generated"], means["loss_real"], means["loss_fake"]
          )))
      try shards.append(rows, step: step)
    } catch { throw .file(error) }
    return means
  }

  /// Draws the grid of fixed noise as the generator of `state` sees it.
  func sample(_ state: TrainedState, step: Int) throws(TrainingError) {
    let grid = Self.grid(try sampler.images(of: state), configuration)
    do throws(RunFileError) { try grid.write(to: directory.sample(step: step)) } catch {
      throw .file(error)
    }
  }

  /// Writes the weights.
  func finish(_ state: TrainedState) throws(TrainingError) {
    do throws(RunFileError) {
      let writer = try SafetensorsWriter(
        path: directory.weights, metadata: ["config": configuration.json])
      for entry in state.entries {
        try writer.add(entry.name, shape: entry.shape, entry.values)
      }
      try writer.finish()
    } catch { throw .file(error) }
  }
}
