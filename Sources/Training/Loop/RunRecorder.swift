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
  private let checkpoints: CheckpointWriter
  private var score: CheckpointScore
  private let lock: RunLock

  /// Creates the directory, and writes what is known before the first step.
  ///
  /// - Parameters:
  ///   - path: the directory; nil for `runs/00001-<name>`, counting up.
  ///   - reals: images of the dataset, [25, height, width, channels], to compare with.
  ///   - onFailure: hears, on another thread, of a checkpoint that could not be written.
  package convenience init(
    _ run: TrainingRun, directory path: String?, name: String, reals: [Float],
    onFailure: @escaping @Sendable (RunFileError) -> Void = { _ in }
  ) throws(TrainingError) {
    let directory: RunDirectory
    let lock: RunLock
    do throws(RunFileError) {
      directory = try RunDirectory(path: path, name: name)
      lock = try RunLock(directory)
    } catch { throw .file(error) }
    try self.init(run, beginning: directory, lock, reals: reals, onFailure: onFailure)
  }

  /// Begins in a directory in which nothing has been recorded yet.
  package convenience init(
    _ run: TrainingRun, beginning directory: RunDirectory, _ lock: RunLock, reals: [Float],
    onFailure: @escaping @Sendable (RunFileError) -> Void = { _ in }
  ) throws(TrainingError) {
    // The configuration first: with it, a run that is killed now can begin again.
    try self.init(run, in: directory, lock, isResumed: false, onFailure)
    directory.removeWhatFollows(step: 0)
    let realPicture: Picture
    do throws(RunFileError) {
      realPicture = try Picture(Self.grid(reals, run.configuration))
      try OutputFile.write(realPicture.png, to: directory.reals)
      try OutputFile.write(json: Self.machine(of: run), to: directory.machine)
    } catch { throw .file(error) }
    try events.begin(configuration, reals: realPicture)
  }

  /// Goes on with the directory of a run: what it has of steps that are not completed is dropped.
  ///
  /// - Parameters:
  ///   - run: has been restored.
  ///   - onFailure: hears, on another thread, of a checkpoint that could not be written.
  package convenience init(
    _ run: TrainingRun, resuming directory: RunDirectory, _ lock: RunLock,
    onFailure: @escaping @Sendable (RunFileError) -> Void = { _ in }
  ) throws(TrainingError) {
    do throws(RunFileError) {
      let facts = Self.machine(of: run).merging(
        ["resumed": "\(Date().formatted(.iso8601)) after step \(run.completedSteps)"]
      ) { $1 }
      let before = directory.machineFacts.filter { $0.key == "started" }
      try OutputFile.write(json: facts.merging(before) { $1 }, to: directory.machine)
    } catch { throw .file(error) }
    try self.init(run, in: directory, lock, isResumed: true, onFailure)
    directory.removeWhatFollows(step: run.completedSteps)
  }

  private init(
    _ run: TrainingRun, in directory: RunDirectory, _ lock: RunLock, isResumed: Bool,
    _ onFailure: @escaping @Sendable (RunFileError) -> Void
  ) throws(TrainingError) {
    self.directory = directory
    self.lock = lock
    configuration = run.configuration
    score = CheckpointScore(configuration.checkpoint.best)
    sampler = try Sampler(configuration)
    let step = run.completedSteps
    let last = isResumed ? step : nil
    do throws(RunFileError) {
      try directory.makeFolders()
      try OutputFile.write(configuration.yaml.utf8, to: directory.configuration)
      metrics = try MetricsLog(path: directory.metrics, after: last)
      shards = try TableLog(.shards, in: directory, after: last)
      batchNorm = try TableLog(.batchNorm, in: directory, after: last)
      gradients =
        configuration.shards.gradientEvery > 0
        ? try TableLog(.gradients, in: directory, after: last) : nil
      checkpoints = try CheckpointWriter(
        directory, keep: configuration.checkpoint.keep, after: step, onFailure: onFailure)
    } catch { throw .file(error) }
    events = try TensorBoardRecorder(in: directory, firstStep: isResumed ? step + 1 : 0)
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
    score.add(means)
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
    } catch { throw .file(error.whileRunning) }
    try events.append(state, grid: picture, step: step)
  }

  /// The score of a checkpoint that is made now.
  func takeScore() -> Double? { score.take() }

  /// Begins to write a checkpoint. What was recorded up to its step is on the disk before it is.
  ///
  /// - Parameter waits: until it is written.
  /// - Throws: where it waits, why it could not be written.
  func save(_ checkpoint: Checkpoint, waits: Bool) throws(TrainingError) {
    nonisolated(unsafe) let (metrics, tables) = (metrics, [shards, batchNorm, gradients])
    nonisolated(unsafe) let events = events
    checkpoints.write(checkpoint, isAwaited: waits) { () throws(RunFileError) in
      try metrics.synchronize()
      for table in tables { try table?.synchronize() }
      try events.synchronize()
    }
    if waits {
      do throws(RunFileError) { try checkpoints.finish() } catch { throw .file(error.whileRunning) }
    }
  }

  /// Waits for the last checkpoint.
  ///
  /// - Returns: the step of the last one that could be written.
  func settle() -> Int? { checkpoints.settle() }

  /// Waits for the last checkpoint, and writes the weights.
  func finish(_ state: TrainedState) throws(TrainingError) {
    do throws(RunFileError) {
      try checkpoints.finish()
      let writer = try SafetensorsWriter(
        path: directory.weights, metadata: ["config": configuration.json])
      for entry in state.entries {
        try writer.add(entry.name, shape: entry.shape, entry.values)
      }
      try writer.finish()
    } catch { throw .file(error.whileRunning) }
    try events.close()
  }
}
