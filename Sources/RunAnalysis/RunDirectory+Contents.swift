import RunFiles

extension RunDirectory {
  /// The files of which a run has at least one.
  var knownFiles: [String] {
    [configuration, metrics, weights] + RunTable.allCases.map { path(of: $0) }
  }
}
