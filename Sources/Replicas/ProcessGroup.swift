import Execution
import Kernels

/// The processes that run a job's replicas, as one of them sees it: alone, or a rank of MPI's.
///
/// They are numbered in the order of their replicas, those of one host next to each other; process 0
/// is the launcher's rank 0, and writes what the job writes.
///
///     host 0                                   host 1
///     process 0 ─┬─ workers ─┐                 ┌─ workers ─┬─ process 2
///                │           ├─ shared memory  │           │
///     process 1 ─┴─ workers ─┘       └── link ─┴───────────┴─ process 3
package protocol ProcessGroup: AnyObject, Sendable {
  /// Between all processes, for what they say to one another between steps.
  var communicator: any Communicator { get }
  /// All processes; nil in a job of one.
  var identities: [ProcessIdentity]? { get }
  /// The processes of each host.
  var hosts: [Range<Int>] { get }
  /// The cores that the processes of this host may use together.
  var cores: Int { get }
  /// The cores of each process, if a host's are shared equally; the same for all.
  var coresPerProcess: Int { get }
  /// To the other hosts, from the first process of each; nil in the other processes, and where there is one host.
  var link: (any HostLink)? { get }

  /// Tells the group what is known by now: which replicas each process runs, and how long to wait.
  func prepare(_ placement: Placement, timeout: Duration)

  /// Zeros that all processes of this host share. Collective.
  func sharedFloats(count: Int) throws(CommunicationError) -> AlignedBuffer

  /// Ends the job in an orderly way. Collective.
  func finish() throws(CommunicationError)
}

extension ProcessGroup {
  package var index: Int { communicator.participant }
  /// Whether this process writes files, and speaks for the job.
  package var isFirst: Bool { index == 0 }
  package var count: Int { communicator.count }

  /// The host that this process runs on.
  package var host: Int { hosts.firstIndex { $0.contains(index) } ?? 0 }
  /// The processes of this host.
  package var neighbours: Range<Int> { hosts[host] }
  /// Whether this process is the first of its host.
  package var leads: Bool { index == neighbours.lowerBound }
}

/// A job of one process.
package final class SingleProcess: ProcessGroup {
  package let communicator: any Communicator = LocalCommunicator.group([
    CommunicationError.Participant(index: 0, replicas: 0..<0)
  ])[0]
  package let identities: [ProcessIdentity]? = nil
  package let hosts = [0..<1]
  package let cores = Machine.availableCores
  package var coresPerProcess: Int { cores }
  package let link: (any HostLink)? = nil

  package init() {}

  package func prepare(_ placement: Placement, timeout: Duration) {}
  package func sharedFloats(count: Int) -> AlignedBuffer { AlignedBuffer(count: count) }
  package func finish() {}
}
