import ArgumentParser
import Glibc
import Replicas
import RunConfiguration
import Training

/// A command as one of the processes that a launcher started, or alone.
struct Job {
  let processes: any ProcessGroup

  /// Runs a command's body in this process, and ends the job in all processes if it fails in one.
  static func run(_ body: (Job) throws -> Void) throws {
    let job = try Failure.reporting { Job(processes: try MPIProcesses.join()) }
    do {
      var exit: ExitCode?
      do { try body(job) } catch let code as ExitCode { exit = code }
      try job.processes.finish()
      if let exit { throw exit }
    } catch let exit as ExitCode {
      throw exit
    } catch {
      job.fail(error)
      throw ExitCode(Failure.code(of: error))
    }
  }

  /// Says why this process ends, and ends the others.
  private func fail(_ error: any Error) {
    let failure = Failure.communicationError(error)
    let isConsequence = failure?.isConsequence ?? false
    // What processes found out together, all know.
    var isKnown = isConsequence
    if case .disagreement = failure { isKnown = true }
    var isShared = false
    if case TrainingError.nonFinite = error { isShared = true }
    if !isKnown && !isShared {
      processes.communicator.abort(reason: "\(error)")
    }
    // Whoever is the cause says so, and for the log of the first process that is enough.
    if processes.isFirst || !(isConsequence || isShared) {
      Failure.complain("\(name)error: \(error)")
    }
    // A launcher takes its exit code from the process that ends first, which the cause should be.
    if isConsequence || isShared && !processes.isFirst { usleep(300_000) }
  }

  /// What every process does for itself, such as reading the configuration; if it fails in one, all end.
  func together<Value>(_ body: () throws -> Value) throws -> Value {
    try processes.communicator.together(body)
  }

  /// Every process's configuration and images.
  ///
  /// - Parameter configuration: loads the configuration, and makes sure of what else must hold before the images are
  ///   opened.
  func load(
    _ configuration: () throws -> Configuration
  ) throws -> (configuration: Configuration, data: RunData) {
    try together {
      let configuration = try configuration()
      return (configuration, try RunData(configuration, onSkip: SkippedImages.report))
    }
  }

  /// Says a sentence, once for all processes.
  func say(_ sentence: String) {
    if processes.isFirst { Failure.complain(sentence) }
  }

  /// How messages of another process than the first begin.
  private var name: String {
    guard !processes.isFirst, let identity = processes.identities?[processes.index] else {
      return ""
    }
    return "rank \(identity.rank) on \(identity.host): "
  }
}
