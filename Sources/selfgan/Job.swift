import ArgumentParser
import Glibc
import Replicas

/// A command as one of the processes that a launcher started, or alone.
struct Job {
  let processes: any ProcessGroup

  /// Runs a command's body in this process, and ends the job in all processes if it fails in one.
  static func run(_ body: (Job) throws -> Void) throws {
    var job: Job?
    do {
      let joined = Job(processes: try MPIProcesses.join())
      job = joined
      do {
        try body(joined)
      } catch let exit as ExitCode {
        try joined.processes.finish()
        throw exit
      }
      try joined.processes.finish()
    } catch let exit as ExitCode {
      throw exit
    } catch {
      job?.fail(error) ?? Failure.complain("error: \(error)")
      throw ExitCode(Failure.code(of: error))
    }
  }

  /// Says why this process ends, and ends the others.
  private func fail(_ error: any Error) {
    let isConsequence = Failure.isConsequence(error)
    // What processes found out together, all know.
    if !isConsequence, !Failure.isDisagreement(error) {
      processes.communicator.abort(reason: "\(error)")
    }
    // Whoever is the cause says so, and for the log of the first process that is enough.
    if processes.isFirst || !isConsequence { Failure.complain("\(name)error: \(error)") }
    // A launcher takes its exit code from the process that ends first, which the cause should be.
    if isConsequence { usleep(300_000) }
  }

  /// What every process does for itself, such as reading the configuration; if it fails in one, all end.
  func together<Value>(_ body: () throws -> Value) throws -> Value {
    try processes.communicator.together(body)
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
