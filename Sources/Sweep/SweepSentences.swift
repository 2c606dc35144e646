import Foundation
import RunReport

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
      sentence("losses", prefixes: ["loss_"]),
      sentence("dynamic weights", prefixes: ["weight_"]),
      sentence("averaged gradient and the samples", prefixes: ["averaged_norm", "variety"]),
      firstStep,
    ].compactMap { $0 }
  }

  /// Which of some quantities the number of shards changed.
  private func sentence(_ subject: String, prefixes: [String]) -> String? {
    let own = findings.filter { finding in prefixes.contains { finding.quantity.hasPrefix($0) } }
    if own.isEmpty { return nil }
    func those(_ verdict: SweepFinding.Verdict) -> [SweepFinding] {
      own.filter { $0.verdict == verdict }
    }
    if results.plan.replicas.count == 1 { return nil }
    if own.allSatisfy({ $0.verdict == .unknown }) {
      return "The number of shards and the \(subject): "
        + own.map(values).joined(separator: ", ")
        + "; with one seed, chance cannot be told from an effect."
    }
    var parts: [String] = []
    let (changed, perhaps, none) = (those(.changed), those(.perhaps), those(.noSign))
    if changed.isEmpty {
      parts.append("There is no clear sign that the number of shards changed the \(subject)")
    } else {
      parts.append(
        "The number of shards changed the \(subject): "
          + changed.map { "\(values($0)) (\(Self.p($0)))" }.joined(separator: ", "))
    }
    if !perhaps.isEmpty {
      parts.append(
        "perhaps " + perhaps.map { "\(values($0)) (\(Self.p($0)))" }.joined(separator: ", "))
    }
    if !none.isEmpty, !changed.isEmpty || !perhaps.isEmpty {
      parts.append("no sign in " + none.map { Self.name($0.quantity) }.joined(separator: ", "))
    }
    return parts.joined(separator: "; ") + "."
  }

  /// "loss real 0.52, 0.49, 0.44, 0.41 with 1, 2, 4, 8"
  private func values(_ finding: SweepFinding) -> String {
    let numbers = finding.means.map { $0.isFinite ? Self.short($0) : "–" }
    return "\(Self.name(finding.quantity)) \(numbers.joined(separator: ", ")) with "
      + results.plan.replicas.map(String.init).joined(separator: ", ")
  }

  /// What the most replicas' first gradient is, and why.
  private var firstStep: String? {
    let most = results.plan.replicas[results.plan.replicas.count - 1]
    let cells = results.cells.filter { $0.cell.group == group && $0.cell.replicas == most }
    guard most > 1, let cell = cells.first, let step = cell.firstStep else { return nil }
    let examples = cell.cell.configuration.batchSize / most
    var sentence =
      "At step 1, from the same weights, images and noise, the averaged gradient of \(most) replicas "
      + "is \(Self.percent(step.configured.difference)) away from one replica's (cosine "
      + "\(Self.short(step.configured.cosine)); the generator's part "
      + "\(Self.percent(step.configured.generator)), the discriminator's "
      + "\(Self.percent(step.configured.discriminator)))"
    var causes: [String] = []
    if let statistics = step.statisticsAlone {
      causes.append(
        "batch statistics of \(examples) examples alone make \(Self.percent(statistics.difference))"
      )
    }
    if let weights = step.weightsAlone {
      causes.append("separate dynamic weights alone \(Self.percent(weights.difference))")
    }
    if let neither = step.neither {
      let (statistics, weights) = cell.cell.configuration.causes
      let without = [
        statistics ? "pooled statistics" : nil, weights ? "equal weights" : nil,
      ].compactMap { $0 }.joined(separator: " and ")
      causes.append(
        "with \(without) \(String(format: "%.0e", neither.difference)) remains, which is rounding")
    }
    if !causes.isEmpty { sentence += ": " + causes.joined(separator: ", ") }
    return sentence + "."
  }

  /// A quantity as people read it.
  static func name(_ quantity: String) -> String {
    switch quantity {
    case "averaged_norm": "Norm of the averaged gradient"
    case "cosine": "Cosine of a replica's gradient to it"
    case "noise_scale": "Gradient noise scale (examples)"
    case "variety": "Variety of the samples"
    default: quantityName(quantity)
    }
  }

  static func words(_ verdict: SweepFinding.Verdict) -> String {
    switch verdict {
    case .changed: "changed"
    case .perhaps: "perhaps"
    case .noSign: "no sign of a change"
    case .unknown: "unknown"
    }
  }

  private static func p(_ finding: SweepFinding) -> String {
    finding.pValue.map { $0 < 0.001 ? "p < 0.001" : "p = \(String(format: "%.2g", $0))" }
      ?? "p unknown"
  }

  private static func short(_ value: Double) -> String { String(format: "%.3g", value) }

  private static func percent(_ value: Double) -> String {
    value < 0.0005
      ? String(format: "%.0e", value) : String(format: value < 1 ? "%.2g%%" : "%.0f%%", value * 100)
  }
}
