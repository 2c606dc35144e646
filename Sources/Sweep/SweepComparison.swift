import Foundation
import RunReport

extension Comparison {
  /// What a sweep found: whether the number of shards changed losses and dynamic weights, what the
  /// first step's gradient says, and the numbers behind it.
  package init(_ results: SweepResults) {
    self.init(headline: [])
    for group in results.plan.groups {
      let findings = SweepResults.quantities.compactMap { quantity in
        SweepFinding(quantity, results.values(quantity, of: group))
      }
      if findings.isEmpty { continue }
      let prefix = results.plan.name(of: group).map { "\($0): " } ?? ""
      headline += SweepSentences(results, group, findings).all.map { prefix + $0 }
      tables.append(Self.quantities(results, group, findings))
      if let firstSteps = Self.firstSteps(results, group) { tables.append(firstSteps) }
      tables.append(Self.outcomes(results, group))
      charts += SweepCurves(results, group).charts
    }
  }

  /// Each quantity by the number of replicas.
  private static func quantities(
    _ results: SweepResults, _ group: SweepCell.Group, _ findings: [SweepFinding]
  ) -> ReportTable {
    let replicas = results.plan.replicas
    let window = results.cells.first.map { $0.window } ?? 0...0
    var table = ReportTable(
      title: results.title("Does the number of shards change it?", group),
      note: "Means over the seeds that have run with every number (of \(results.plan.seeds.count)) "
        + "and over steps \(window.lowerBound) to \(window.upperBound). The change is from "
        + "\(replicas[0]) to \(replicas[replicas.count - 1]) replicas, with its 95% interval; p is of "
        + "all numbers of replicas, with seeds as blocks, and is not corrected for the number of rows.",
      columns: [.init("quantity", numeric: false)]
        + replicas.map { .init("\($0)", help: "replicas") }
        + [
          .init("change"), .init("95% interval", numeric: false), .init("p"),
          .init("verdict", numeric: false),
        ],
      rows: [])
    for (row, finding) in findings.enumerated() {
      let contrast = finding.contrast
      let change = contrast?.difference ?? (finding.means.last ?? .nan) - finding.means[0]
      table.rows.append(
        [.text(SweepSentences.name(finding.quantity))] + finding.means.map { .number($0) }
          + [
            .number(change), .text(SweepSentences.interval(contrast)), .number(finding.pValue),
            .text(SweepSentences.words(finding.verdict)),
          ])
      if finding.verdict == .changed {
        table.marks.append(
          .init(row: row, column: replicas.count + 1, change < 0 ? .low : .high))
      }
    }
    return table
  }

  /// The effect of sharding on the gradient alone; nil where no cell has more than one replica.
  private static func firstSteps(
    _ results: SweepResults, _ group: SweepCell.Group
  ) -> ReportTable? {
    let cells = results.cells.filter { $0.cell.group == group && $0.cell.replicas > 1 }
    let rows = cells.compactMap { result in
      result.firstStep.map { step -> [ReportTable.Cell] in
        [
          .number(Double(result.cell.replicas)), .number(Double(result.cell.seed)),
          .number(step.configured.difference), .number(step.statisticsAlone?.difference),
          .number(step.weightsAlone?.difference), .number(step.neither?.difference),
          .number(step.configured.cosine), .number(step.configured.norm),
          .number(step.configured.generator), .number(step.configured.discriminator),
        ]
      }
    }
    if rows.isEmpty { return nil }
    return ReportTable(
      title: results.title("The first step's averaged gradient beside one replica's", group),
      note: "Same images, noise and weights. Relative differences ‖G − G₁‖ / ‖G₁‖. Sharding acts "
        + "through batch statistics of fewer examples and dynamic weights of fewer examples: each "
        + "alone, and neither (batch norm over all replicas and equal weights), where only rounding "
        + "remains.",
      columns: [
        .init("replicas"), .init("seed"), .init("as run"),
        .init("statistics alone", help: "with equal weights in every shard"),
        .init("weights alone", help: "with batch norm over all replicas"),
        .init("neither", help: "with both"), .init("cosine"), .init("norm", help: "‖G‖ / ‖G₁‖"),
        .init("generator"), .init("discriminator"),
      ], rows: rows)
  }

  /// How far the runs have gone apart.
  private static func outcomes(
    _ results: SweepResults, _ group: SweepCell.Group
  ) -> ReportTable {
    let cells = results.cells.filter { $0.cell.group == group }
    return ReportTable(
      title: results.title("Where the runs ended", group),
      note:
        "Beside the run with \(results.plan.replicas[0]) replica(s) and the same seed: the final "
        + "weights (‖θ − θ₁‖ / ‖θ₁‖) and the final samples of the same noise (root mean square of "
        + "pixels in 0 … 1). Variety is the mean difference between two samples, over that between "
        + "two real images.",
      columns: [
        .init("replicas"), .init("seed"), .init("weights apart"), .init("samples apart"),
        .init("variety"), .init("loss self"), .init("noise scale", help: "in examples"),
      ],
      rows: cells.map { result in
        [
          .number(Double(result.cell.replicas)), .number(Double(result.cell.seed)),
          .number(result.weightsDistance), .number(result.samplesDistance),
          .number(result.means["variety"]), .number(result.means["loss_self"]),
          .number(result.means["noise_scale"]),
        ]
      })
  }
}
