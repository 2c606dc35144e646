import Execution

/// Why a group of replicas cannot be set up or go on.
package enum ReplicaError: Error, CustomStringConvertible {
  case execution(ExecutionError)
  case communication(CommunicationError)
  /// The batch of a step could not be had.
  case batch(any Error)
  /// A loss is no number any more.
  case nonFinite(step: Int, replica: Int, output: String, value: Float)

  package var description: String {
    switch self {
    case .execution(let error): error.description
    case .communication(let error): error.description
    case .batch(let error): "\(error)"
    case .nonFinite(let step, let replica, let output, let value):
      // A NaN has a sign, which says nothing.
      "\(output) of replica \(replica) became \(value.isNaN ? .nan : value) in step \(step)"
    }
  }
}
