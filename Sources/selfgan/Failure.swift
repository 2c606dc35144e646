import ArgumentParser
import Datasets
import Execution
import Foundation
import Interchange
import Program
import Replicas
import RunAnalysis
import RunConfiguration
import RunFiles
import Sweep
import Training

/// Turns errors into one sentence on standard error and an exit code: 1 where a run failed, 65
/// where the configuration or the data cannot be used.
enum Failure {
  static let run: Int32 = 1
  static let badInput: Int32 = 65

  /// Runs a command's body.
  static func reporting<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let exit as ExitCode { throw exit } catch {
      complain("error: \(error)")
      throw ExitCode(code(of: error))
    }
  }

  static func complain(_ sentence: String) {
    StandardError.write("selfgan: \(printable(sentence))\n")
  }

  /// An option of a command that has no key in the configuration.
  struct ImpossibleOption: Error, CustomStringConvertible {
    let option: String
    let value: String
    let expected: String

    var description: String { "\(option): \(value) is impossible; expected \(expected)" }
  }

  /// Throws `ImpossibleOption` where `holds` is false.
  static func requireOption(
    _ option: String, _ value: some CustomStringConvertible, _ holds: Bool, expected: String
  ) throws(ImpossibleOption) {
    if !holds {
      throw ImpossibleOption(option: option, value: value.description, expected: expected)
    }
  }

  /// Throws `ImpossibleOption` where the name that an option gives is empty.
  static func requireName(
    _ option: String, _ name: String?, of what: String
  ) throws(ImpossibleOption) {
    try requireOption(option, "\"\"", name?.isEmpty != true, expected: "the name of \(what)")
  }

  /// What went wrong between processes, where an error is about that.
  static func communicationError(_ error: any Error) -> CommunicationError? {
    switch error {
    case let error as CommunicationError: error
    case TrainingError.replicas(.communication(let error)): error
    default: nil
    }
  }

  static func code(of error: any Error) -> Int32 {
    switch error {
    case is ConfigurationError, is ProgramError, is ImpossibleOption, is RunAnalysisError: badInput
    case let error as DatasetError: error.isRefusal ? badInput : run
    case let error as RunFileError: error.isRefusal ? badInput : run
    case let error as TrainingError: code(of: error)
    case InterchangeError.file(let error): code(of: error)
    case InterchangeError.training(let error): code(of: error)
    case is InterchangeError: badInput
    case SweepError.otherCell, SweepError.unusableCell: badInput
    case SweepError.file(let error): code(of: error)
    case SweepError.training(let error): code(of: error)
    case CommunicationError.disagreement, CommunicationError.sharedMemory: badInput
    default: run
    }
  }

  private static func code(of error: TrainingError) -> Int32 {
    switch error {
    case .missing, .program, .workers, .dataset, .initialValue, .unusableModel, .configuration,
      .changed:
      badInput
    case .file(let error): code(of: error)
    case .replicas(.execution(.memory)), .replicas(.execution(.program)),
      .replicas(.execution(.kernel(.backendMissing, _, _))):
      badInput
    case .replicas(.batch(let error)): code(of: error)
    case .replicas(.communication(let error)): code(of: error)
    case .replicas, .nonFinite: run
    }
  }
}
