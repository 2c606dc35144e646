import RunFiles
import Training

/// Why a sweep cannot start or go on.
package enum SweepError: Error, CustomStringConvertible {
  /// The directory holds a cell of another sweep.
  case otherCell(path: String, differences: [String])
  case unusableCell(path: String)
  case training(TrainingError)
  case file(RunFileError)

  package var description: String {
    switch self {
    case .otherCell(let path, let differences):
      "\(path): it was run with \(differences.joined(separator: ", ")); "
        + "name another --output, or sweep with the same values"
    case .unusableCell(let path):
      "\(path): its config.yaml cannot be read, so that nobody knows what was run; remove it"
    case .training(let error): error.description
    case .file(let error): error.description
    }
  }
}
