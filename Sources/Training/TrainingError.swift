import Datasets
import Program
import Replicas
import RunConfiguration
import RunFiles

/// Why a run cannot start or go on.
package enum TrainingError: Error, CustomStringConvertible {
  /// The configuration lacks a key that another one makes necessary.
  case missing(key: String, reason: String)
  case program(ProgramError)
  /// More workers than replicas.
  case workers(processes: Int, threads: Int, replicas: Int)
  case replicas(ReplicaError)
  case dataset(DatasetError)
  case file(RunFileError)
  case configuration(ConfigurationError)
  /// A resumed run is not what it was.
  case changed([Change], checkpoint: String)
  /// A loss, gradient or parameter is not finite any more.
  case nonFinite(String, lastGoodStep: Int?)
  /// A file of initial values does not fit the model.
  case initialValue(name: String, file: String, detail: String)
  /// A file of a model has nothing that images can be drawn with, or not what was asked for.
  case unusableModel(file: String, detail: String)

  /// What differs from a checkpoint: a key of the configuration, `data` or `program`.
  package struct Change: Sendable, Equatable {
    package let key: String
    package let before: String
    package let now: String
  }

  package var description: String {
    switch self {
    case .missing(let key, let reason): "\(key): a value is expected, because \(reason)"
    case .program(let error): error.description
    case .workers(let processes, let threads, let replicas):
      "\(processes) processes of \(threads) threads are more workers than replicas (\(replicas)); "
        + "expected processes × threads of \(replicas) at most"
    case .replicas(let error): error.description
    case .dataset(let error): error.description
    case .file(let error): error.description
    case .configuration(let error): error.description
    case .changed(let changes, let checkpoint):
      changes.map { "\($0.key) is \($0.before) in \(checkpoint) and \($0.now) now" }
        .joined(separator: ", ")
        + "; a run goes on as what it was, unless --allow-change names "
        + changes.map(\.key).joined(separator: ",")
    case .nonFinite(let origin, let step):
      origin + (step.map { "; the checkpoint of step \($0) is good" } ?? "")
    case .initialValue(let name, let file, let detail): "\(file): \(name): \(detail)"
    case .unusableModel(let file, let detail): "\(file): \(detail)"
    }
  }
}
