import Execution

/// One logical TPU core: a shard of every batch, with its own batch statistics, loss weights,
/// random draws and previous images, run by a worker together with its neighbours. This is the
/// window through which its state is read.
package struct Replica {
  package let index: Int
  private let executor: GroupExecutor
  private let store: VariableStore

  init(index: Int, executor: GroupExecutor, store: VariableStore) {
    self.index = index
    self.executor = executor
    self.store = store
  }

  /// A copy of what the last step computed for an output; nil where the program has no such output.
  package func output(_ name: String) -> [Float]? {
    executor.output(name, replica: index)?.values
  }

  /// A copy of a variable: the replica's own, or the one that all share.
  package func variable(_ name: String) -> [Float] { store.read(name, replica: index) }
}
