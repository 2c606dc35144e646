import Replicas
import Synchronization

/// The messages between the hosts of a job that have been sent and not yet taken.
package final class Network: Sendable {
  struct Route: Hashable {
    let from: Int
    let to: Int
    let tag: Int
  }

  final class Message: Sendable {
    let values: [Float]
    let isTaken = Atomic<Bool>(false)

    init(_ values: [Float]) { self.values = values }
  }

  private let messages = Mutex<[Route: [Message]]>([:])

  func add(_ message: Message, _ route: Route) {
    messages.withLock { $0[route, default: []].append(message) }
  }

  func next(_ route: Route) -> Message? { messages.withLock { $0[route]?.first } }

  func take(_ route: Route) -> Message? {
    messages.withLock { all in
      guard let first = all[route]?.first else { return nil }
      all[route]?.removeFirst()
      first.isTaken.store(true, ordering: .releasing)
      return first
    }
  }

  /// The messages that nobody has taken.
  package var count: Int { messages.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}

/// A host's end of the network. As with MPI, all of its messages move while the host asks for any of
/// them.
///
/// In disorder, messages take their time and overtake each other, what is sent is read at some time
/// between its start and its end, and it may or may not wait for its receiver.
package final class ThreadedLink: HostLink, @unchecked Sendable {
  // Unchecked: one thread at a time uses the transfers.
  private let network: Network
  private let host: Int
  private let end: JobEnd
  private let communicator: any Communicator
  private let isDisorderly: Bool
  private var numbers: SeededNumbers
  private var underWay: [ThreadedTransfer] = []

  /// - Parameters:
  ///   - communicator: of this host's first process.
  ///   - disorder: a seed; nil for messages that arrive at once.
  init(
    _ network: Network, host: Int, _ end: JobEnd, _ communicator: any Communicator, disorder: Int?
  ) {
    self.network = network
    self.host = host
    self.end = end
    self.communicator = communicator
    isDisorderly = disorder != nil
    numbers = SeededNumbers(seed: 31 * (disorder ?? 0) + host)
  }

  /// The ends of a network between hosts that have no processes.
  package static func between(
    _ hosts: Int, disorder: Int?
  ) -> (links: [ThreadedLink], network: Network) {
    let network = Network()
    let end = JobEnd()
    let links = (0..<hosts).map { host in
      ThreadedLink(
        network, host: host, end, SingleProcess().communicator, disorder: disorder)
    }
    return (links, network)
  }

  package func sending(
    _ values: UnsafeBufferPointer<Float>, to host: Int, tag: Int
  ) -> any Transfer {
    ThreadedTransfer(
      self, network, Network.Route(from: self.host, to: host, tag: tag), .sending(values))
  }

  package func receiving(
    into values: UnsafeMutableBufferPointer<Float>, from host: Int, tag: Int
  ) -> any Transfer {
    ThreadedTransfer(
      self, network, Network.Route(from: host, to: self.host, tag: tag), .receiving(values))
  }

  package func check() throws(CommunicationError) {
    try progress()
    try end.check()
  }

  package func report(_ sentence: String) {
    end.report(sentence)
    communicator.abort(reason: sentence)
  }

  fileprivate func begin(_ transfer: ThreadedTransfer) {
    if isDisorderly {
      transfer.delay = Int.random(in: 0..<12, using: &numbers)
      transfer.waitsForReceiver = Bool.random(using: &numbers)
    }
    underWay.append(transfer)
  }

  fileprivate func progress() throws(CommunicationError) {
    for transfer in underWay { try transfer.progress() }
    underWay.removeAll { !$0.isUnderWay }
  }
}

private final class ThreadedTransfer: Transfer {
  enum Direction {
    case sending(UnsafeBufferPointer<Float>)
    case receiving(UnsafeMutableBufferPointer<Float>)
  }

  /// How often the link is asked before this message moves.
  var delay = 0
  /// Whether what is sent is only through once it has been taken.
  var waitsForReceiver = false
  private(set) var isUnderWay = false
  private let link: ThreadedLink
  private let network: Network
  private let route: Network.Route
  private let direction: Direction
  private var sent: Network.Message?

  init(_ link: ThreadedLink, _ network: Network, _ route: Network.Route, _ direction: Direction) {
    self.link = link
    self.network = network
    self.route = route
    self.direction = direction
  }

  func start() throws(CommunicationError) {
    if isUnderWay { throw failure("a message is started again before it is through") }
    isUnderWay = true
    sent = nil
    link.begin(self)
  }

  func isComplete() throws(CommunicationError) -> Bool {
    try link.progress()
    return !isUnderWay
  }

  func progress() throws(CommunicationError) {
    if let sent {
      isUnderWay = !sent.isTaken.load(ordering: .acquiring)
      return
    }
    if case .receiving = direction, network.next(route) == nil { return }
    delay -= 1
    if delay >= 0 { return }
    switch direction {
    case .sending(let values):
      let message = Network.Message(Array(values))
      network.add(message, route)
      if waitsForReceiver { sent = message } else { isUnderWay = false }
    case .receiving(let values):
      guard let message = network.take(route) else { return }
      guard message.values.count == values.count else {
        throw failure("\(message.values.count) values came for \(values.count)")
      }
      _ = values.update(fromContentsOf: message.values)
      isUnderWay = false
    }
  }

  private func failure(_ detail: String) -> CommunicationError {
    .library(operation: "message \(route)", detail: detail)
  }
}
