/// Where a user says that a checkpoint is.
package enum CheckpointLocation: Sendable {
  /// A run, with the checkpoints that it has.
  case run(RunDirectory)
  case file(String)

  /// - Parameter path: a file, or a run's directory; `latest` is the highest numbered one in `runs`, unless a
  ///   directory has that name.
  /// - Throws: `RunFileError.noRuns`
  package init(_ path: String) throws(RunFileError) {
    if let run = try RunDirectory(resolving: path) { self = .run(run) } else { self = .file(path) }
  }

  /// The file, or all checkpoints of the run, in the order of their steps.
  ///
  /// - Throws: `RunFileError.noCheckpoint` where the run has none.
  package func files() throws(RunFileError) -> [String] {
    switch self {
    case .file(let path): return [path]
    case .run(let directory):
      let files = directory.checkpointFiles
      if files.isEmpty { throw .noCheckpoint(path: directory.path) }
      return files.map(\.path)
    }
  }
}
