import COpenMPI
import Execution
import Glibc
import Kernels

/// The ranks of an MPI job.
package final class MPIProcesses: ProcessGroup, @unchecked Sendable {
  // Unchecked: `prepare` is called before steps run; all else is constant or guarded by `library`.
  package var communicator: any Communicator { ranks }
  package let identities: [ProcessIdentity]?
  package let hosts: [Range<Int>]
  package let cores: Int
  package let coresPerProcess: Int
  package var link: (any HostLink)? { ranks.link }
  private let ranks: MPICommunicator
  private let library: MPILibrary

  /// What a launcher's environment says to each of its processes: Open MPI's mpirun, a PMI-1 or -2
  /// launcher, a PMIx launcher such as `srun --mpi=pmix`.
  private static let launcherVariables = ["OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMIX_RANK"]

  /// Which MPI this program was built for.
  package static let version = "\(OMPI_MAJOR_VERSION).\(OMPI_MINOR_VERSION).\(OMPI_RELEASE_VERSION)"

  /// Whether this process is alone, or the first of those that a launcher started; known without MPI.
  package static var launchesFirst: Bool {
    let ranks: [String] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"]
    return ranks.allSatisfy { name in getenv(name).map { String(cString: $0) == "0" } ?? true }
  }

  /// Joins the job that a launcher started this process for; a job of one process where none did, and then MPI is not
  /// started.
  package static func join() throws(CommunicationError) -> any ProcessGroup {
    guard launcherVariables.contains(where: { getenv($0) != nil }) else { return SingleProcess() }
    return try MPIProcesses()
  }

  private init() throws(CommunicationError) {
    let library = try MPILibrary()
    self.library = library

    var host: MPI_Comm?
    try library.call("MPI_Comm_split_type") {
      $0.Comm_split_type(
        $0.world, Int32(MPI_COMM_TYPE_SHARED), library.rank, $0.no_info, &host)
    }
    guard let host else {
      throw .library(operation: "MPI_Comm_split_type", detail: "it gave no communicator")
    }

    // Every rank learns the lowest rank on each other's host, the hosts' names, and its share of cores.
    var leader = library.rank
    try library.allReduce(&leader, \.minimum, host)
    var mask = Machine.coreMask
    try library.allReduce(&mask, \.bitwise_or, host)
    cores = max(1, mask.reduce(0) { $0 + $1.nonzeroBitCount })
    let leaders = try library.allGather(leader)
    var share = Int32(max(1, cores / leaders.count { $0 == leader }))
    try library.allReduce(&share, \.minimum, nil)
    coresPerProcess = Int(share)

    let names = try library.hostNames()
    // In the order of their hosts, and of their ranks on one host.
    let order = leaders.indices.sorted { (leaders[$0], $0) < (leaders[$1], $1) }
    let identities = order.map { ProcessIdentity(rank: $0, host: names[$0]) }
    self.identities = identities
    var hosts: [Range<Int>] = []
    for (position, rank) in order.enumerated() {
      if position > 0, leaders[order[position - 1]] == leaders[rank] {
        hosts[hosts.count - 1] = hosts[hosts.count - 1].lowerBound..<(position + 1)
      } else {
        hosts.append(position..<(position + 1))
      }
    }
    self.hosts = hosts
    ranks = MPICommunicator(library, identities, hosts: hosts, ofHost: host)
  }

  package func prepare(_ placement: Placement, timeout: Duration) {
    ranks.prepare(placement, timeout: timeout)
  }

  package func sharedFloats(count: Int) throws(CommunicationError) -> AlignedBuffer {
    try ranks.sharedFloats(count: count)
  }

  package func finish() throws(CommunicationError) {
    try ranks.barrier("the end of the job", step: 0)
    try library.call("MPI_Finalize") { $0.Finalize() }
  }
}
