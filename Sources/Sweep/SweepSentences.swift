import Foundation
import RunReport
import Statistics

/// The findings of a group of cells in words.
struct SweepSentences {
  private let results: SweepResults
  private let group: SweepCell.Group
  private let findings: [SweepFinding]

  init(_ results: SweepResults, _ group: SweepCell.Group, _ findings: [SweepFinding]) {
    (self.results, self.group, self.findings) = (results, group, findings)
  }

  var all: [String] {
    [
      sentence("losses", prefix: "loss_"), sentence("dynamic weights", prefix: "weight_"),
      sentence("averaged gradient", prefix: "averaged_norm"),
      sentence("samples", prefix: "variety"), firstStep,
    ].compactMap { $0 }
  }

  /// Which of some quantities the number of shards changed; nil where none was measured.
  private func sentence(_ subject: String, prefix: String) -> String? {
    let own = findings.filter { $0.quantity.hasPrefix(prefix) }
    if own.isEmpty || results.plan.replicas.count == 1 { return nil }
    func those(_ verdict: SweepFinding.Verdict) -> [SweepFinding] {
      own.filter { $0.verdict == verdict }
    }
    func names(_ verdict: SweepFinding.Verdict) -> String {
      those(verdict).map { Self.name($0.quantity) }.joined(separator: ", ")
    }
    func numbers(_ verdict: SweepFinding.Verdict) -> String {
      those(verdict).map { "\(values($0)) (\(Self.p($0)))" }.joined(separator: ", ")
    }
    if own.allSatisfy({ $0.verdict == .unknown }) {
      return "The number of shards and the \(subject): "
        + own.map(values).joined(separator: ", ")
        + "; with fewer than two seeds that have run with every number, chance cannot be told from "
        + "an effect."
    }
    var parts = [
      those(.changed).isEmpty
        ? "There is no clear sign that the number of shards changed the \(subject)"
        : "The number of shards changed the \(subject): \(numbers(.changed))"
    ]
    if !those(.perhaps).isEmpty { parts.append("perhaps \(numbers(.perhaps))") }
    if !those(.noSign).isEmpty, parts.count > 1 || !those(.changed).isEmpty {
      parts.append("no sign in \(names(.noSign))")
    }
    if !those(.equal).isEmpty { parts.append("the same in all runs: \(names(.equal))") }
    if !those(.unknown).isEmpty { parts.append("unknown: \(names(.unknown))") }
    return parts.joined(separator: "; ") + "."
  }

  /// "Real loss 0.52, 0.49, 0.44, 0.41 with 1, 2, 4, 8"
  private func values(_ finding: SweepFinding) -> String {
    let numbers = finding.means.map { $0.isFinite ? Self.short($0) : "–" }
    return "\(Self.name(finding.quantity)) \(numbers.joined(separator: ", ")) with "
      + results.plan.replicas.map(String.init).joined(separator: ", ")
  }

  /// What the most replicas' first gradient is, from the smallest to the largest of all seeds, and
  /// why.
  private var firstStep: String? {
    let most = results.plan.replicas[results.plan.replicas.count - 1]
    let cells = results.cells.filter {
      $0.cell.group == group && $0.cell.replicas == most && $0.firstStep != nil
    }
    let steps = cells.compactMap(\.firstStep)
    guard most > 1, let cell = cells.first?.cell else { return nil }
    func range(
      _ text: (Double) -> String, _ part: (FirstStep) -> Double?
    ) -> String? {
      let parts = steps.compactMap(part).sorted()
      guard let low = parts.first.map(text), let high = parts.last.map(text) else { return nil }
      return low == high ? low : "\(low) to \(high)"
    }
    func percent(_ part: (FirstStep) -> Double?) -> String? { range(Self.percent, part) }

    let configuration = cell.configuration
    let examples = configuration.batchSize / most * configuration.replicasOfBatchNorm
    let (statistics, weights) = configuration.causes
    let without = [
      statistics ? "pooled statistics" : nil, weights ? "equal weights" : nil,
    ].compactMap { $0 }.joined(separator: " and ")
    let causes = [
      percent { $0.statisticsAlone?.difference }.map {
        "batch statistics of \(examples) examples alone make \($0)"
      },
      percent { $0.weightsAlone?.difference }.map { "separate dynamic weights alone \($0)" },
      percent { $0.neither?.difference }.map { "with \(without) \($0) remains, which is rounding" },
    ].compactMap { $0 }
    let seeds = steps.count == 1 ? "" : " (\(steps.count) seeds)"
    return "At step 1, from the same weights, images and noise\(seeds), the averaged gradient of "
      + "\(most) replicas is \(percent { $0.configured.difference } ?? "–") away from one replica's "
      + "(cosine \(range(Self.short) { $0.configured.cosine } ?? "–"); the generator's part "
      + "\(percent { $0.configured.generator } ?? "–"), the discriminator's "
      + "\(percent { $0.configured.discriminator } ?? "–"))"
      + (causes.isEmpty ? "" : ": " + causes.joined(separator: ", ")) + "."
  }

  /// A quantity as people read it.
  static func name(_ quantity: String) -> String {
    switch quantity {
    case "averaged_norm": "Averaged gradient's norm"
    case "cosine": "Cosine of gradients"
    case "noise_scale": "Gradient noise scale"
    case "variety": "Variety of samples"
    default: quantityName(quantity)
    }
  }

  static func words(_ verdict: SweepFinding.Verdict) -> String {
    switch verdict {
    case .changed: "changed"
    case .perhaps: "perhaps"
    case .noSign: "no sign"
    case .equal: "the same"
    case .unknown: "unknown"
    }
  }

  static func interval(_ contrast: BlockAnalysis.Contrast?) -> String {
    contrast?.interval.map { "\(short($0.lowerBound)) to \(short($0.upperBound))" } ?? "–"
  }

  private static func p(_ finding: SweepFinding) -> String {
    finding.pValue.map { $0 < 0.001 ? "p < 0.001" : "p = \(String(format: "%.2g", $0))" }
      ?? "p unknown"
  }

  private static func short(_ value: Double) -> String { String(format: "%.3g", value) }

  private static func percent(_ value: Double) -> String {
    value < 0.0005
      ? String(format: "%.0e", value)
      : String(format: value < 0.1 ? "%.2g%%" : "%.0f%%", value * 100)
  }
}
