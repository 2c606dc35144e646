import Execution

extension ReplicaGroup {
  /// Runs one step with the same bits as `run`, and the same communication, and looks at all that is
  /// written in it for infinities and NaNs.
  ///
  /// All processes run it together. A watched output that is not finite is no error.
  ///
  /// - Returns: what first made one, of what this process's replicas and its share of sums and updates
  ///   have made, or a variable that had one before the step; nil where all is finite. Of what the
  ///   processes return, the least is the job's.
  /// - Throws: `ReplicaError.execution`, `.communication`, `.batch`
  package func runExamined(
    variant: Int = 0, batches: any BatchProvider
  ) throws(ReplicaError) -> NonFiniteOrigin? {
    let before = store.firstNonFinite
    let searches = workers.map { _ in NonFiniteSearch() }
    try runWorkers(1, variant, batches, searches: searches)
    return before ?? searches.compactMap(\.first).min()
  }
}
