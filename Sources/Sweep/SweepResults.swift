import Foundation
import RunAnalysis
import RunFiles
import Statistics

/// What the runs of a sweep came to.
package struct SweepResults: Sendable {
  /// One cell's run.
  package struct CellResult: Sendable {
    package let cell: SweepCell
    package let archive: RunArchive
    /// Nil where it is missing or damaged.
    package let firstStep: FirstStep?
    /// By quantity, over the second half of the run; none where it was not measured.
    package let means: [String: Double]
    /// The steps of the second half, the first and the last.
    package let window: ClosedRange<Int>
    /// ‖θ − θ₁‖ / ‖θ₁‖ of the final weights, θ₁ those of the fewest replicas with the same seed.
    package let weightsDistance: Double?
    /// The root mean square difference of the final samples, in 0 … 1 of a pixel's range.
    package let samplesDistance: Double?
  }

  package let plan: SweepPlan
  /// In the plan's order; without those that cannot be read.
  package let cells: [CellResult]
  /// Sentences about cells that are missing or damaged.
  package let problems: [String]

  /// The quantities that are compared: columns of `shards.csv` as means over the replicas, and what
  /// the replicas' gradients and samples say.
  package static let quantities =
    ShardStatistics.always
    + ["averaged_norm", "cosine", "noise_scale", "variety"]

  /// Reads what `directory` has of the plan.
  package init(_ plan: SweepPlan, in directory: SweepDirectory) {
    self.plan = plan
    var problems: [String] = []
    var cells: [CellResult] = []
    for cell in plan.cells {
      let run = directory.run(of: cell)
      guard FileManager.default.fileExists(atPath: run.path) else {
        problems.append("\(cell.name): it has not been run yet")
        continue
      }
      do throws(RunAnalysisError) {
        let archive = try RunArchive(path: run.path)
        problems += archive.problems.map { "\(cell.name): \($0)" }
        let base = plan.cells.first { $0.group == cell.group && $0.seed == cell.seed }
        let result = CellResult(cell, archive, run, base: base.map { directory.run(of: $0) })
        if result.firstStep == nil {
          problems.append(
            "\(cell.name): first-step.json is missing or damaged; its first gradient is not shown")
        }
        if result.weightsDistance == nil {
          problems.append("\(cell.name): its weights, or those it is compared with, cannot be read")
        }
        if result.samplesDistance == nil {
          problems.append("\(cell.name): its samples, or those it is compared with, cannot be read")
        }
        cells.append(result)
      } catch { problems.append(error.description) }
    }
    self.cells = cells
    self.problems = problems
  }

  /// A title that names the group where there are several.
  func title(_ title: String, _ group: SweepCell.Group) -> String {
    plan.name(of: group).map { "\(title) (\($0))" } ?? title
  }

  /// A quantity of a group's cells, [replicas][seeds]; NaN where a cell lacks it.
  package func values(_ quantity: String, of group: SweepCell.Group) -> [[Double]] {
    plan.cells(of: group).map { cells in
      cells.map { cell in
        self.cells.first { $0.cell == cell }?.means[quantity] ?? .nan
      }
    }
  }
}

extension SweepResults.CellResult {
  fileprivate init(
    _ cell: SweepCell, _ archive: RunArchive, _ run: RunDirectory, base: RunDirectory?
  ) {
    self.cell = cell
    self.archive = archive
    firstStep = (try? FileBytes(path: run.firstStep, limit: 1 << 20)).flatMap {
      try? JSONDecoder().decode(FirstStep.self, from: Data($0.bytes))
    }
    let last = cell.configuration.steps
    let window = (last / 2 + 1)...last
    self.window = window
    var means: [String: Double] = [:]
    for column in ShardStatistics.always {
      means[column] = archive.shards?.mean(of: column, in: window)
    }
    means["averaged_norm"] = archive.gradients?.mean(of: "averaged_norm", in: window)
    means["cosine"] = archive.gradients?.mean(of: "cosine", in: window)
    means["noise_scale"] = archive.gradients?.noiseScale(in: window)
    let image = cell.configuration.model.image
    let size = SampleGrid.Size(
      height: image.height, width: image.width, channels: image.channels)
    let samples = archive.samples.last.flatMap { SampleGrid(path: $0.path, size) }
    let reals = archive.reals.flatMap { SampleGrid(path: $0, size) }
    if let samples, let reals, reals.variety > 0 {
      means["variety"] = samples.variety / reals.variety
    }
    self.means = means.filter { $0.value.isFinite }
    samplesDistance = base.flatMap { base in
      SampleGrid(path: base.sample(step: last), size).flatMap { samples?.distance(to: $0) }
    }
    weightsDistance = base.flatMap { relativeDistance(of: run.weights, from: $0.weights) }
  }
}

/// ‖θ − θ₁‖ / ‖θ₁‖ over the parameters of two weight files; nil where they cannot be compared.
private func relativeDistance(of path: String, from base: String) -> Double? {
  guard let own = try? SafetensorsReader(path: path),
    let other = try? SafetensorsReader(path: base),
    Set(own.entries.map(\.name)) == Set(other.entries.map(\.name))
  else { return nil }
  let byName = Dictionary(other.entries.map { ($0.name, $0) }) { first, _ in first }
  var sums = DistanceSums()
  for entry in own.entries where !entry.name.contains("/moving_") {
    guard let otherEntry = byName[entry.name], otherEntry.shape == entry.shape else { return nil }
    sums.add(own.values(entry), other.values(otherEntry))
  }
  return sums.whole > 0 ? sums.relative : nil
}
