import Foundation
import RunAnalysis
import RunConfiguration
import Statistics

/// The few things that one wants to know of a run at once, beside its replicas and steps:
/// [label, value].
enum RunFacts {
  static func of(_ archive: RunArchive) -> [[String]] {
    let measured = [
      ("Speed", speed(archive.metrics)),
      ("Noise scale", archive.gradients?.noiseScale().map { "\($0.text(digits: 3)) examples" }),
    ].compactMap { label, value in value.map { [label, $0] } }
    guard let configuration = archive.configuration else { return measured }
    return configured(configuration) + measured
  }

  private static func configured(_ configuration: Configuration) -> [[String]] {
    let values = Dictionary(uniqueKeysWithValues: configuration.values)
    func text(_ keys: String...) -> String {
      keys.compactMap { values[$0]?.trimmingCharacters(in: ["\""]) }.joined(separator: ", ")
    }
    let shard = configuration.batchSize / max(1, configuration.replicas)
    return [
      ["Batch", "\(configuration.batchSize) (\(shard) a replica)"],
      ["Model", text("model.kind", "model.layout")],
      ["Objective", text("objective.kind")],
      ["Weights from", text("objective.weights")],
      ["Loss", text("objective.loss")],
      ["Batch norm", text("batchNorm.scope")],
      ["Data", text("data.kind", "data.order")],
      ["Seed", "\(configuration.seed)"],
    ]
  }

  private static func speed(_ metrics: [RunMetrics.Line]) -> String? {
    let speeds = metrics.compactMap(\.millisecondsPerStep).filter(\.isFinite)
    guard !speeds.isEmpty else { return nil }
    return "\(median(speeds).text(digits: 3)) ms a step (median)"
  }
}

extension Double {
  /// With so many significant digits.
  func text(digits: Int) -> String { String(format: "%.\(digits)g", self) }
}
