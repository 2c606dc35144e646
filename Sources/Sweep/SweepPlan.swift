import RunConfiguration

/// One training run of a sweep.
package struct SweepCell: Sendable, Equatable {
  /// What is compared with what: cells of one group differ in replicas and seed alone.
  package struct Group: Hashable, Sendable {
    package let objective: String
    package let scope: String
  }

  package let group: Group
  package let replicas: Int
  package let seed: UInt64
  package let configuration: Configuration

  /// The name of the cell's run directory.
  package var name: String {
    "\(group.objective)-\(group.scope)-replicas-\(replicas)-seed-\(seed)"
  }
}

/// The cells of a sweep: every objective with every scope, number of replicas and seed.
///
/// All cells of one seed see the same images, noise and initial weights, whatever the number of their
/// replicas (`RandomStream`).
package struct SweepPlan: Sendable {
  package let groups: [SweepCell.Group]
  /// Ascending.
  package let replicas: [Int]
  package let seeds: [UInt64]
  package let cells: [SweepCell]

  /// - Parameters:
  ///   - base: what all cells have in common; its seed is the first of those that are run.
  ///   - objectives: words of `objective.kind`; empty for the base's own.
  ///   - scopes: values of `batchNorm.scope`; empty for the base's own.
  ///   - replicas: distinct numbers.
  ///   - seedCount: how many seeds, counting up.
  ///   - configuration: makes a configuration from overrides of the base, as `--set` has them.
  /// - Throws: what `configuration` throws where a cell is impossible.
  package init<Failure>(
    _ base: Configuration, objectives: [String], scopes: [String], replicas: [Int],
    seedCount: Int,
    configuration: (_ overrides: [String]) throws(Failure) -> Configuration
  ) throws(Failure) {
    let objectives = objectives.isEmpty ? [base.objective.kind.rawValue] : objectives
    let scopes = scopes.isEmpty ? [base.batchNorm.scope.text] : scopes
    self.replicas = replicas.sorted()
    seeds = (0..<UInt64(seedCount)).map { base.seed &+ $0 }
    groups = objectives.flatMap { objective in
      scopes.map { SweepCell.Group(objective: objective, scope: $0) }
    }
    // Seed by seed, so that a sweep which is interrupted has something to compare.
    var cells: [SweepCell] = []
    for seed in seeds {
      for group in groups {
        for replicas in self.replicas {
          var overrides = [
            "objective.kind=\(group.objective)", "batchNorm.scope=\(group.scope)",
            "replicas=\(replicas)", "seed=\(seed)",
          ]
          if let threads = base.threads { overrides.append("threads=\(min(threads, replicas))") }
          cells.append(
            SweepCell(
              group: group, replicas: replicas, seed: seed,
              configuration: try configuration(overrides)))
        }
      }
    }
    self.cells = cells
  }

  /// What tells a group from the others; nil where there is one.
  func name(of group: SweepCell.Group) -> String? {
    let parts = [
      Set(groups.map(\.objective)).count > 1 ? group.objective : nil,
      Set(groups.map(\.scope)).count > 1 ? "batch norm over \(group.scope)" : nil,
    ].compactMap { $0 }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// The cells of a group: [replicas][seeds].
  package func cells(of group: SweepCell.Group) -> [[SweepCell]] {
    replicas.map { count in cells.filter { $0.group == group && $0.replicas == count } }
  }
}
