import Program
import RunConfiguration
import RunFiles
import Training

/// Why a model cannot be taken to another framework, or from it.
package enum InterchangeError: Error, CustomStringConvertible {
  case file(RunFileError)
  case configuration(ConfigurationError)
  case program(ProgramError)
  case training(TrainingError)
  /// A tensor is missing, unknown, or of the wrong shape or type.
  case tensor(name: String, file: String, detail: String)
  /// An operation of the program has no form in ONNX here.
  case operation(String, layer: String, detail: String)

  /// One sentence that names the file, the tensor or the operation.
  package var description: String {
    switch self {
    case .file(let error): error.description
    case .configuration(let error): error.description
    case .program(let error): error.description
    case .training(let error): error.description
    case .tensor(let name, let file, let detail): "\(file): \(name): \(detail)"
    case .operation(let operation, let layer, let detail):
      "\(operation) in \(layer.isEmpty ? "the program" : layer) cannot be exported to ONNX: "
        + detail
    }
  }
}

/// Runs what throws an error of RunFiles.
func filing<Value>(
  _ body: () throws(RunFileError) -> Value
) throws(InterchangeError) -> Value {
  do throws(RunFileError) { return try body() } catch { throw .file(error) }
}
