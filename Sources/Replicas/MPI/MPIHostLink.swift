import COpenMPI

/// Persistent messages between the first ranks of the hosts.
final class MPIHostLink: HostLink, @unchecked Sendable {
  // Unchecked: everything is constant, and the communicator guards itself.
  private let communicator: MPICommunicator
  /// The first process of each host.
  private let leaders: [Int]

  init(_ communicator: MPICommunicator, leaders: [Int]) {
    self.communicator = communicator
    self.leaders = leaders
  }

  func sending(
    _ values: UnsafeBufferPointer<Float>, to host: Int, tag: Int
  ) throws(CommunicationError) -> any Transfer {
    try prepare("MPI_Send_init", host, tag) { mpi, rank, tag, request in
      mpi.Send_init(
        values.baseAddress, Int32(values.count), mpi.float32, rank, tag, mpi.world, &request)
    }
  }

  func receiving(
    into values: UnsafeMutableBufferPointer<Float>, from host: Int, tag: Int
  ) throws(CommunicationError) -> any Transfer {
    try prepare("MPI_Recv_init", host, tag) { mpi, rank, tag, request in
      mpi.Recv_init(
        values.baseAddress, Int32(values.count), mpi.float32, rank, tag, mpi.world, &request)
    }
  }

  private func prepare(
    _ name: StaticString, _ host: Int, _ tag: Int,
    _ make: (COpenMPI, _ rank: Int32, _ tag: Int32, inout MPI_Request?) -> Int32
  ) throws(CommunicationError) -> MPITransfer {
    var request: MPI_Request?
    let rank = communicator.rank(of: leaders[host])
    try communicator.library.call(name) { mpi in
      make(mpi, rank, MPICommunicator.firstFreeTag + Int32(tag), &request)
    }
    return MPITransfer(communicator.library, request)
  }

  func check() throws(CommunicationError) { try communicator.check() }
  func report(_ sentence: String) { communicator.report(.reported(sentence)) }
}

/// A message that MPI has prepared.
final class MPITransfer: Transfer {
  private let library: MPILibrary
  private var request: MPI_Request?
  private var isUnderWay = false

  init(_ library: MPILibrary, _ request: MPI_Request?) {
    self.library = library
    self.request = request
  }

  func start() throws(CommunicationError) {
    try library.call("MPI_Start") { $0.Start(&request) }
    isUnderWay = true
  }

  func isComplete() throws(CommunicationError) -> Bool {
    if isUnderWay { isUnderWay = try !library.isComplete(&request) }
    return !isUnderWay
  }
}
