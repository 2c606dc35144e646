/// A process among those that run a job's replicas.
package struct ProcessIdentity: Hashable, Sendable {
  /// The launcher's number for it.
  package let rank: Int
  package let host: String

  package init(rank: Int, host: String) {
    self.rank = rank
    self.host = host
  }
}

/// Why a collective operation ended without its result.
package enum CommunicationError: Error, Hashable, CustomStringConvertible {
  /// Who takes part in an operation: a worker, or a whole process.
  package struct Participant: Hashable, Sendable, CustomStringConvertible {
    package let index: Int
    /// The replicas that it runs, once that is known.
    package let replicas: Range<Int>
    /// Nil in a job of one process.
    package let process: ProcessIdentity?
    /// Which of the process's workers it is, where the process has several and it is one of them.
    package let worker: Int?

    package init(
      index: Int, replicas: Range<Int>, process: ProcessIdentity? = nil, worker: Int? = nil
    ) {
      self.index = index
      self.replicas = replicas
      self.process = process
      self.worker = worker
    }

    package var description: String {
      let owner = process.map { "rank \($0.rank) on \($0.host)" }
      let name =
        switch (owner, worker) {
        case (nil, _): "worker \(index)"
        case (let owner?, nil): owner
        case (let owner?, let worker?): "worker \(worker) of \(owner)"
        }
      return switch replicas.count {
      case 0: name
      case 1: "\(name) (replica \(replicas.lowerBound))"
      default: "\(name) (replicas \(replicas.lowerBound) to \(replicas.upperBound - 1))"
      }
    }
  }

  /// `missing` did not come to the operation within the time-out.
  case timedOut(operation: String, step: Int, missing: [Participant], timeout: Duration)
  /// A participant gave up.
  case aborted(by: Participant, reason: String)
  /// Another host ended the job, with its own sentence.
  case reported(String)
  /// MPI could not do what was asked of it.
  case library(operation: String, detail: String)
  /// Processes cannot share so many bytes.
  case sharedMemory(needed: Int, available: Int)
  /// Participants that must agree do not: what they differ in, and from whom.
  case disagreement(Participant, subject: String, with: Participant)

  package var description: String {
    switch self {
    case .timedOut(let operation, let step, let missing, let timeout):
      let names = missing.map(\.description).joined(separator: ", ")
      return "\(names) did not arrive at \(operation) of step \(step) within \(timeout)"
    case .aborted(let participant, let reason):
      return "\(participant) ended the run: \(reason)"
    case .reported(let sentence):
      return sentence
    case .library(let operation, let detail):
      return "MPI failed in \(operation): \(detail)"
    case .sharedMemory(let needed, let available):
      let (needed, available) = (needed / 1_000_000 + 1, available / 1_000_000)
      return "the processes of a host must share \(needed) MB more, and /dev/shm has "
        + "\(available) MB left; make it larger"
    case .disagreement(let participant, let subject, let other):
      return "\(participant) has \(subject) than \(other)"
    }
  }

  /// Whether somebody else's failure is the cause, who says it better.
  package var isConsequence: Bool {
    switch self {
    case .aborted, .reported: true
    case .timedOut, .library, .sharedMemory, .disagreement: false
    }
  }
}
