import Foundation
import RunConfiguration
import RunFiles
import Statistics
import TensorBoard

/// Tells TensorBoard of a run, in one event file of its directory.
///
/// | tags | at |
/// |---|---|
/// | `Loss/…`, `Weight/…`, `Validity/…`: means over the replicas; `Spread/…`: the standard deviation between them | logged steps |
/// | `Shard/<replica>/<column of shards.csv>` | logged steps |
/// | `BatchNorm/<layer>/…`: means over the replicas of `batch_norm.csv` | logged steps |
/// | `Timing/…`, `Progress/…` | logged steps |
/// | `Gradient/…`, `Shard/<replica>/cosine` | measured steps |
/// | `Parameter/<name>`: histograms; `samples` | steps with samples |
/// | `reals`, `configuration` | step 0 |
final class TensorBoardRecorder {
  private let writer: EventFileWriter

  /// Begins a file.
  ///
  /// - Parameter firstStep: what earlier files have from this step on is no longer shown.
  init(in directory: RunDirectory, firstStep: Int) throws(TrainingError) {
    do throws(EventFileError) {
      writer = try EventFileWriter(
        directory: directory.path, host: ProcessInfo.processInfo.hostName,
        wallTime: Date().timeIntervalSince1970, firstStep: firstStep)
    } catch { throw .file(RunFileError(error)) }
  }

  /// Says what is known before the first step.
  func begin(
    _ configuration: Configuration, reals: RunRecorder.Picture
  ) throws(TrainingError) {
    let yaml = configuration.yaml.split(separator: "\n").map { "    " + $0 }
    try append(
      [
        .text(tag: "configuration", yaml.joined(separator: "\n")),
        Self.image("reals", reals),
      ], step: 0)
  }

  func append(_ logged: RunRecorder.LoggedStep, examples: Int) throws(TrainingError) {
    var values: [SummaryValue] = []
    for column in ShardStatistics.always {
      let replicas = Moments(logged.shards.compactMap { $0[column].map(Double.init) })
      if replicas.count == 0 { continue }
      values.append(.scalar(tag: Self.tag(column), replicas.mean))
      if let deviation = replicas.standardDeviation {
        values.append(.scalar(tag: "Spread/\(column)", deviation))
      }
    }
    for shard in logged.shards {
      for (column, value) in zip(ShardStatistics.columns, shard.values) {
        guard let value else { continue }
        values.append(.scalar(tag: "Shard/\(shard.replica)/\(column)", Double(value)))
      }
    }
    for layer in logged.batchNorm {
      let name = "BatchNorm/\(layer.layer)" + (layer.pass.isEmpty ? "" : "/\(layer.pass)")
      for (column, distances) in zip(
        BatchNormDistance.columns, [layer.replicas.map(\.mean), layer.replicas.map(\.variance)])
      {
        values.append(.scalar(tag: "\(name)/\(column)", Moments(distances.map(Double.init)).mean))
      }
    }
    values += [
      .scalar(tag: "Timing/milliseconds_per_step", logged.millisecondsPerStep),
      .scalar(tag: "Timing/seconds", logged.seconds),
      .scalar(tag: "Progress/examples", Double(examples)),
      .scalar(tag: "Progress/steps", Double(logged.step)),
    ]
    try append(values, step: logged.step)
  }

  func append(_ statistics: [GradientStatistics], step: Int) throws(TrainingError) {
    var values: [SummaryValue] = []
    for replica in statistics {
      guard let cosine = replica["cosine"] else { continue }
      values.append(.scalar(tag: "Shard/\(replica.replica)/cosine", Double(cosine)))
    }
    for column in ["averaged_norm", "signal", "noise"] {
      guard let value = statistics.first?[column] else { continue }
      values.append(.scalar(tag: "Gradient/\(column)", Double(value)))
    }
    try append(values, step: step)
  }

  func append(_ state: TrainedState, grid: RunRecorder.Picture, step: Int) throws(TrainingError) {
    var values = [Self.image("samples", grid)]
    for entry in state.entries {
      values.append(.histogram(tag: "Parameter/\(entry.name)", ValueHistogram(entry.values)))
    }
    try append(values, step: step)
  }

  /// Waits until what was appended is on the disk; on any thread.
  func synchronize() throws(RunFileError) {
    do throws(EventFileError) { try writer.flush() } catch { throw RunFileError(error) }
  }

  /// Waits until all is on the disk.
  func close() throws(TrainingError) {
    do throws(EventFileError) { try writer.close() } catch { throw .file(RunFileError(error)) }
  }

  private func append(_ values: [SummaryValue], step: Int) throws(TrainingError) {
    do throws(EventFileError) {
      try writer.append(values, step: step, wallTime: Date().timeIntervalSince1970)
    } catch { throw .file(RunFileError(error)) }
  }

  /// `loss_self` is `Loss/self`.
  private static func tag(_ column: String) -> String {
    let words = column.split(separator: "_", maxSplits: 1)
    return words.map { $0 == words[0] ? $0.capitalized : String($0) }.joined(separator: "/")
  }

  private static func image(_ tag: String, _ picture: RunRecorder.Picture) -> SummaryValue {
    .image(
      tag: tag, png: picture.png, height: picture.image.height, width: picture.image.width,
      channels: picture.image.channels)
  }
}

extension RunFileError {
  fileprivate init(_ error: EventFileError) {
    switch error {
    case .cannotCreate(let path, let reason): self = .cannotCreate(path: path, reason: reason)
    case .cannotWrite(let path, let reason): self = .cannotWrite(path: path, reason: reason)
    }
  }
}
