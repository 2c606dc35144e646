import Kernels
import Program

/// Why a program cannot be made ready for, or fails in, execution.
package enum ExecutionError: Error, CustomStringConvertible {
  case program(ProgramError)
  case kernel(KernelError, operation: String, layer: String)
  /// The memory that the plan asks for, in bytes, is beyond what the machine has.
  case memory(needed: Int, available: Int)
  /// A kernel call returned an error code.
  case failedCall(code: Int32, operation: String, layer: String)

  package var description: String {
    switch self {
    case .program(let error): error.description
    case .kernel(let error, let operation, let layer): "\(layer): \(operation): \(error)"
    case .memory(let needed, let available):
      "the run needs \(needed >> 20) MiB of memory, and this machine has \(available >> 20) MiB"
    case .failedCall(let code, let operation, let layer):
      "\(layer): \(operation) failed with code \(code)"
    }
  }
}
