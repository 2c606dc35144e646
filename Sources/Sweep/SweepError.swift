import RunAnalysis
import RunFiles
import Training

/// Why a sweep cannot start or go on.
package enum SweepError: Error, CustomStringConvertible {
  /// The directory holds a cell of another sweep.
  case otherCell(path: String, keys: [String])
  case unusableCell(path: String)
  case training(TrainingError)
  case file(RunFileError)
  case analysis(RunAnalysisError)

  package var description: String {
    switch self {
    case .otherCell(let path, let keys):
      "\(path): it was run with another \(keys.joined(separator: ", ")); "
        + "name another --output, or sweep with the same values"
    case .unusableCell(let path):
      "\(path): its config.yaml cannot be read, so that nobody knows what was run; remove it"
    case .training(let error): error.description
    case .file(let error): error.description
    case .analysis(let error): error.description
    }
  }
}
