import Execution
import Program
import RunConfiguration
import RunFiles

/// The variables of a model as they are saved and shown: parameters, and one set of moving
/// statistics.
package struct TrainedState: Sendable {
  package let entries: [NamedTensor]
  /// Of each variable that replicas have of their own, what each of them has; empty where one set
  /// stands for all.
  private let everyones: [String: [[Float]]]

  /// - Parameters:
  ///   - variables: of those that replicas have of their own, replica 0's.
  ///   - statistics: whose moving statistics stand for all: replica 0's (`first`, `own`, and the only ones there are
  ///     with `sequential`) or their mean.
  ///   - everyones: with `mean` and `own`, the values of all replicas, by their variable.
  init(
    _ variables: [NamedTensor], statistics: Configuration.BatchNorm.MovingStatistics,
    everyones: [String: [[Float]]]
  ) {
    entries = variables.map { variable in
      guard statistics == .mean, let all = everyones[variable.name] else { return variable }
      var values = variable.values
      for other in all.dropFirst() {
        for (index, value) in other.enumerated() { values[index] += value }
      }
      return NamedTensor(
        variable.name, shape: variable.shape, values.map { $0 / Float(all.count) })
    }
    self.everyones = statistics == .own ? everyones : [:]
  }

  /// The same of the variables of a store, without the images that only the next step needs.
  init(
    _ store: VariableStore, statistics: Configuration.BatchNorm.MovingStatistics,
    everyones: [String: [[Float]]]
  ) {
    self.init(
      store.variables.filter { $0.name != TrainingStep.last }.map { variable in
        NamedTensor(
          variable.name, shape: variable.type.shape.dimensions, store.read(variable.name))
      }, statistics: statistics, everyones: everyones)
  }

  /// Writes what the store has variables for, to each of its replicas.
  func restore(to store: VariableStore) {
    for entry in entries where store.variables.contains(where: { $0.name == entry.name }) {
      store.write(entry.values, to: entry.name)
      for (replica, values) in (everyones[entry.name] ?? []).enumerated() {
        store.write(values, to: entry.name, replica: replica)
      }
    }
  }
}
