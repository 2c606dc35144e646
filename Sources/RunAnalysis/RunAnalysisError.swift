import RunFiles

/// Why a run directory, or a file in it, cannot be read. `description` is one sentence.
package enum RunAnalysisError: Error, Equatable, Sendable {
  case notADirectory(path: String)
  /// The directory holds no file that a run writes.
  case notARun(path: String)
  case file(RunFileError)
  case missing(file: String)
  case unreadable(file: String, reason: String)
  /// `limit` in bytes.
  case tooBig(file: String, limit: Int)
  /// The first line of a table is not the header it should be.
  case noHeader(file: String, expected: [String])
  /// A run has nothing of what was asked for.
  case nothingToShow(run: String, reason: String)
  case unknownColumn(String, known: [String])
}

extension RunAnalysisError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notADirectory(let path): "\(path): there is no such directory; expected a run's"
    case .notARun(let path):
      "\(path): not a run's directory; expected config.yaml, metrics.jsonl or shards.csv in it"
    case .file(let error): error.description
    case .missing(let file): "\(file): there is no such file"
    case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .tooBig(let file, let limit): "\(file): larger than \(limit) bytes"
    case .noHeader(let file, let expected):
      "\(file): its first line is no header with " + expected.joined(separator: ", ")
    case .nothingToShow(let run, let reason): "\(run): \(reason); there is nothing to show"
    case .unknownColumn(let name, let known):
      "\(name): no such column; the columns are " + known.joined(separator: ", ")
    }
  }
}
