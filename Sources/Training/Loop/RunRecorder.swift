import Foundation
import Kernels
import RunConfiguration
import RunFiles

/// Writes a run's directory: the configuration, metrics, tables of what each replica did, pictures,
/// TensorBoard's events and weights.
package final class RunRecorder {
  /// How many images a grid shows.
  package static let gridCount = Sampler.gridSide * Sampler.gridSide

  private let directory: RunDirectory
  private let configuration: Configuration
  private let metrics: MetricsLog
  private let shards: TableLog
  private let batchNorm: TableLog
  /// Nil where the replicas' gradients are not measured.
  private let gradients: TableLog?
  private let events: TensorBoardRecorder
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
    let realGrid = Self.grid(reals, run.configuration)
    let realPicture: Picture
    do throws(RunFileError) {
      let directory = try RunDirectory(path: path, name: name)
      try OutputFile.write(run.configuration.yaml.utf8, to: directory.configuration)
      try OutputFile.write(json: Self.machine(of: run), to: directory.machine)
      realPicture = try Picture(realGrid)
      try OutputFile.write(realPicture.png, to: directory.reals)
      metrics = try MetricsLog(path: directory.metrics)
      shards = try TableLog(.shards, in: directory)
      batchNorm = try TableLog(.batchNorm, in: directory)
      gradients =
        configuration.shards.gradientEvery > 0 ? try TableLog(.gradients, in: directory) : nil
      self.directory = directory
    } catch { throw .file(error) }
    events = try TensorBoardRecorder(in: directory, configuration, reals: realPicture)
  }

  package var path: String { directory.path }

  private static func grid(_ images: [Float], _ configuration: Configuration) -> PNGImage {
    let image = configuration.model.image
    return PNGImage(
      grid: images, height: image.height, width: image.width, channels: image.channels,
      columns: Sampler.gridSide)
  }

  /// An image as files and events have it: encoded once for both.
  struct Picture {
    let image: PNGImage
    let png: [UInt8]

    init(_ image: PNGImage) throws(RunFileError) {
      self.image = image
      png = try image.encoded()
    }
  }

  /// What a reader of the run's times wants to know.
  private static func machine(of run: TrainingRun) -> [String: String] {
    let facts =
      [
        ("program", "selfgan \(programVersion)"), ("host", ProcessInfo.processInfo.hostName),
        ("started", Date().formatted(.iso8601)), ("ranks", "\(run.placement.ranks)"),
        ("threads in each rank", "\(run.placement.threads)"),
      ] + Machine.facts
    return Dictionary(facts) { first, _ in first }
  }

  /// What is known of a logged step.
  struct LoggedStep {
    let step: Int
    /// Since the first step.
    let seconds: Double
    let millisecondsPerStep: Double
    let shards: [ShardStatistics]
    let batchNorm: [BatchNormPass]
  }

  /// Appends a logged step to the metrics and the tables.
  ///
  /// - Returns: the mean losses over the replicas, by their columns.
  func log(_ logged: LoggedStep) throws(TrainingError) -> [String: Float] {
    let means = logged.shards.meanLosses
    do throws(RunFileError) {
      try metrics.append(
        MetricsLog.Line(
          step: logged.step, examples: logged.step * configuration.batchSize,
          seconds: logged.seconds, millisecondsPerStep: logged.millisecondsPerStep,
          losses: means))
      for shard in logged.shards {
        try shards.append(step: logged.step, replica: shard.replica, shard.values)
      }
      try shards.flush()
      for layer in logged.batchNorm {
        for distance in layer.replicas {
          try batchNorm.append(
            step: logged.step, replica: distance.replica, labels: [layer.layer, layer.pass],
            [distance.mean, distance.variance])
        }
      }
      try batchNorm.flush()
    } catch { throw .file(error) }
    try events.append(logged, examples: logged.step * configuration.batchSize)
    return means
  }

  /// Appends what a step measured of the replicas' gradients.
  func log(_ statistics: [GradientStatistics], step: Int) throws(TrainingError) {
    do throws(RunFileError) {
      for gradient in statistics {
        try gradients?.append(step: step, replica: gradient.replica, gradient.values)
      }
      try gradients?.flush()
    } catch { throw .file(error) }
    try events.append(statistics, step: step)
  }

  /// Draws the grid of fixed noise as the generator of `state` sees it.
  func sample(_ state: TrainedState, step: Int) throws(TrainingError) {
    let grid = Self.grid(try sampler.images(of: state), configuration)
    let picture: Picture
    do throws(RunFileError) {
      picture = try Picture(grid)
      try OutputFile.write(picture.png, to: directory.sample(step: step))
    } catch { throw .file(error) }
    try events.append(state, grid: picture, step: step)
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
    try events.close()
  }
}
