import Execution
import Program
import RunConfiguration

/// The variables of a model as they are saved: parameters, and one set of moving statistics.
package struct TrainedState: Sendable {
  package struct Entry: Sendable {
    package let name: String
    package let shape: [Int]
    package let values: [Float]
  }

  package let entries: [Entry]

  /// - Parameter statistics: whose moving statistics stand for all: replica 0's (`first`, `own`, and the only ones there are
  ///   with `sequential`) or their mean.
  init(_ store: VariableStore, statistics: Configuration.BatchNorm.MovingStatistics) {
    entries = store.variables.filter { $0.name != TrainingStep.last }.map { variable in
      var values = store.read(variable.name)
      if statistics == .mean, variable.type.distribution == .perReplica {
        for replica in store.replicas.dropFirst() {
          for (index, value) in store.read(variable.name, replica: replica).enumerated() {
            values[index] += value
          }
        }
        values = values.map { $0 / Float(store.replicas.count) }
      }
      return Entry(name: variable.name, shape: variable.type.shape.dimensions, values: values)
    }
  }

  /// Writes the entries that the store has variables for.
  func restore(to store: VariableStore) {
    for entry in entries where store.variables.contains(where: { $0.name == entry.name }) {
      store.write(entry.values, to: entry.name)
    }
  }
}
