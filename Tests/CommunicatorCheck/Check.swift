import Foundation
import Replicas

/// Uses a communicator between the processes that a launcher started, as steps and the loop do, and
/// checks what each of them gets:
///
///     mpirun -n 4 CommunicatorCheck barrier broadcast gather
///
/// The first process prints a line of JSON for each case. A process that gets something else than
/// it should says so in a sentence, and the job ends with 1.
@main
enum Check {
  private static let cases: [String: @Sendable (Job) throws -> [String]] = [
    "processes": processes, "barrier": barrier, "broadcast": broadcast, "gather": gather,
    "allReduce": sums, "sharedSum": sharedSums, "agreement": agreement, "together": together,
    "sharedFloats": sharedFloats, "absence": absence, "abort": abort,
  ]

  static func main() {
    do {
      let job = Job(try MPIProcesses.join())
      do {
        for name in CommandLine.arguments.dropFirst() {
          guard let check = cases[name] else { throw Wrong("\(name) is no case") }
          let answer = try check(job)
          if job.processes.isFirst {
            print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
          }
        }
        try job.processes.finish()
      } catch {
        job.processes.communicator.abort(reason: "\(error)")
        throw error
      }
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(1)
    }
  }
}

/// A process that got something else than it should.
struct Wrong: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// One of the processes, as the cases see it.
struct Job {
  let processes: any ProcessGroup
  let communicator: any Communicator

  init(_ processes: any ProcessGroup) {
    self.processes = processes
    communicator = processes.communicator
    prepare(replicas: processes.count, timeout: .seconds(20))
  }

  /// Says how many replicas there are, and how long to wait.
  @discardableResult
  func prepare(replicas: Int, timeout: Duration) -> Placement {
    let placement = Placement(replicas: replicas, ranks: processes.count, threads: 1)
    processes.prepare(placement, timeout: timeout)
    return placement
  }

  var own: Int { processes.index }
  var last: Int { processes.count - 1 }

  func require(_ isRight: Bool, _ statement: @autoclosure () -> String) throws {
    if !isRight { throw Wrong("process \(own): \(statement())") }
  }

  /// The sentences of all processes; empty in all but the first.
  func collect(_ sentence: String) throws -> [String] {
    let all = try communicator.gather(Array(sentence.utf8), to: 0, step: 0) ?? []
    return all.map { String(decoding: $0, as: UTF8.self) }
  }
}

extension Check {
  /// Who takes part, as each process sees it: its own number, its rank, what errors call it, the
  /// processes of its host, whether it is the first of them and whether it has a way to others.
  @Sendable private static func processes(_ job: Job) throws -> [String] {
    let processes = job.processes
    job.prepare(replicas: 2 * processes.count, timeout: .seconds(20))
    let rank = processes.identities?[processes.index].rank ?? -1
    let own = [
      "\(processes.index)", "\(rank)", "\(job.communicator.participants[processes.index])",
      "\(processes.neighbours)", "\(processes.leads)", "\(processes.link != nil)",
      "\(processes.coresPerProcess)",
    ]
    return try job.collect(own.joined(separator: "; "))
  }
}
