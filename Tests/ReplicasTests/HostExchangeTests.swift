import Dispatch
import Execution
import Program
import Replicas
import TestSupport
import Testing

/// The sum over hosts alone, over messages in memory.
@Suite(.serialized)
struct HostExchangeTests {
  /// Who has which replicas: for each host, those of each of its workers.
  struct Hosts: Sendable, CustomTestStringConvertible {
    let runs: [[Range<Int>]]
    var replicas: Int { runs.last?.last?.upperBound ?? 0 }
    var testDescription: String { "\(runs)" }

    /// - Parameter counts: the replicas of each worker of each host.
    init(_ counts: [[Int]]) {
      var next = 0
      runs = counts.map { host in
        host.map { count in
          defer { next += count }
          return next..<(next + count)
        }
      }
    }

    static let all = [
      Hosts([[4], [4]]), Hosts([[1, 1, 1], [1, 1, 1, 1, 1]]), Hosts([[1], [3, 4]]),
      Hosts([[3], [3], [2]]), Hosts([[1], [1], [1], [1]]), Hosts([[2, 3], [1], [1, 1]]),
      Hosts([[5, 1], [1], [3], [7]]), Hosts([[1], [1]]),
    ]

    /// The subtrees whose sums each host's workers make.
    func partials(_ tree: ReductionTree?) -> [[Range<Int>]] {
      runs.map { $0.flatMap { run in tree?.subtrees(covering: run) ?? [run] } }
    }
  }

  /// The contract's sum, written out: split at the largest power of two below the count.
  private static func treeSum(_ leaves: ArraySlice<[Float]>) -> [Float] {
    guard leaves.count > 1 else { return leaves.first ?? [] }
    let power = [16, 8, 4, 2, 1].first { $0 < leaves.count } ?? 1
    return zip(treeSum(leaves.prefix(power)), treeSum(leaves.dropFirst(power))).map { $0 + $1 }
  }

  /// Chunks of a buffer of 5,000 floats that leave gaps, in an order of their own; many are too short for all hosts to have a part.
  private static func chunks(seed: Int) -> [HostExchange.Chunk] {
    var numbers = SeededNumbers(seed: seed)
    var chunks: [HostExchange.Chunk] = []
    var start = 0
    while chunks.count < 12 {
      start += 16 * Int.random(in: 0...3, using: &numbers)
      let length =
        Bool.random(using: &numbers)
        ? Int.random(in: 1...70, using: &numbers) : Int.random(in: 71...350, using: &numbers)
      chunks.append(
        HostExchange.Chunk(
          range: start..<(start + length), scale: [1, 0.125, -3][chunks.count % 3]))
      start = (start + length + 15) / 16 * 16
    }
    chunks.shuffle(using: &numbers)
    return chunks
  }

  private static let length = 5_000
  private static let untouched: Float = 12_345

  private static func leaders(_ hosts: Int) -> [CommunicationError.Participant] {
    (0..<hosts).map {
      CommunicationError.Participant(
        index: 3 * $0, replicas: $0..<$0 + 1, process: ProcessIdentity(rank: 3 * $0, host: "h\($0)")
      )
    }
  }

  /// What one host has: its workers' partial sums, and where the totals go.
  private struct HostMemory: @unchecked Sendable {
    let partials: [(replicas: Range<Int>, buffer: AlignedBuffer)]
    let sums: AlignedBuffer

    init(_ subtrees: [Range<Int>]) {
      partials = subtrees.map { ($0, AlignedBuffer(count: length)) }
      sums = AlignedBuffer(count: length)
      sums.values.update(repeating: untouched)
    }

    func exchange(
      _ link: any HostLink, host: Int, of hosts: Hosts, _ tree: ReductionTree?,
      _ chunks: [HostExchange.Chunk], timeout: Duration = .seconds(20)
    ) throws(CommunicationError) -> HostExchange {
      try HostExchange(
        link, host: host, partials: hosts.partials(tree), tree: tree,
        own: partials.map {
          PartialSum(replicas: $0.replicas, values: UnsafeBufferPointer($0.buffer.values))
        }, chunks: chunks, into: sums.pointer, firstTag: 0, leaders: leaders(hosts.runs.count),
        timeout: timeout)
    }
  }

  /// A chunk is ready once it has been asked for a few times; whether they are asked for in order.
  private final class Readiness {
    private(set) var isInOrder = true
    private var next = 0
    private var asked = 0
    private var numbers: SeededNumbers

    init(seed: Int) { numbers = SeededNumbers(seed: seed) }

    func isReady(_ chunk: Int) -> Bool {
      if chunk != next { isInOrder = false }
      asked += 1
      if asked < Int.random(in: 0...6, using: &numbers) { return false }
      asked = 0
      next += 1
      return true
    }
  }

  private struct Outcome {
    /// Of each replica.
    let leaves: [[[Float]]]
    /// Of each host.
    let sums: [[[Float]]]
    let bytesSent: [Int]
  }

  /// Three steps with other numbers each.
  private func outcome(
    _ hosts: Hosts, isOrdered: Bool, _ chunks: [HostExchange.Chunk], seed: Int
  ) throws -> Outcome {
    var numbers = SeededNumbers(seed: seed)
    let leaves = (0..<3).map { _ in
      (0..<hosts.replicas).map { _ in numbers.floats(Self.length) }
    }
    let tree = isOrdered ? ReductionTree(count: hosts.replicas) : nil
    let memory = hosts.partials(tree).map(HostMemory.init)
    let (links, network) = ThreadedLink.between(hosts.runs.count, disorder: seed)
    let results = onWorkers(hosts.runs.count) { host -> Result<([[Float]], Int), any Error> in
      Result {
        let exchange = try memory[host].exchange(
          links[host], host: host, of: hosts, tree, chunks)
        var sums: [[Float]] = []
        for step in leaves.indices {
          for partial in memory[host].partials {
            _ = partial.buffer.values.update(
              fromContentsOf: Self.treeSum(leaves[step][partial.replicas]))
          }
          let readiness = Readiness(seed: seed + host)
          try exchange.run(
            step: step, isReady: { readiness.isReady($0) }, late: { _ in [] }, alive: {})
          #expect(readiness.isInOrder)
          sums.append(Array(memory[host].sums.values))
        }
        return (sums, exchange.bytesSent)
      }
    }
    #expect(network.count == 0)
    let all = try results.map { try $0.get() }
    return Outcome(leaves: leaves, sums: all.map(\.0), bytesSent: all.map(\.1))
  }

  // MARK: - Sums

  @Test(arguments: Hosts.all, 1...4)
  func orderedSumsHaveTheBitsOfTheTree(_ hosts: Hosts, _ seed: Int) throws {
    let chunks = Self.chunks(seed: seed)
    let outcome = try outcome(hosts, isOrdered: true, chunks, seed: seed)
    for (step, leaves) in outcome.leaves.enumerated() {
      let whole = Self.treeSum(leaves[...])
      var expected = [Float](repeating: Self.untouched, count: Self.length)
      for chunk in chunks {
        for index in chunk.range { expected[index] = whole[index] * chunk.scale }
      }
      for host in hosts.runs.indices {
        #expect(bits(outcome.sums[host][step]) == bits(expected), "host \(host), step \(step)")
      }
    }
  }

  /// In no particular order, but the same for all hosts.
  @Test(arguments: Hosts.all)
  func otherSumsAreTheSameForAllHosts(_ hosts: Hosts) throws {
    let chunks = Self.chunks(seed: 5)
    let outcome = try outcome(hosts, isOrdered: false, chunks, seed: 5)
    for (step, leaves) in outcome.leaves.enumerated() {
      #expect(Set(outcome.sums.map { bits($0[step]) }).count == 1)
      let actual = outcome.sums[0][step]
      for chunk in chunks {
        let expected = chunk.range.map { index in
          leaves.reduce(0) { $0 + Double($1[index]) } * Double(chunk.scale)
        }
        #expect(relativeError(Array(actual[chunk.range]), expected) <= 1e-5)
      }
      let gaps = Set(0..<Self.length).subtracting(chunks.flatMap { Array($0.range) })
      #expect(gaps.allSatisfy { actual[$0] == Self.untouched })
    }
  }

  /// Of every chunk each host owns a part of whole cache lines. It sends its sums of the others' parts, one for each complete
  /// subtree of its replicas (or one in all), and the total of its own to everyone else.
  @Test(arguments: Hosts.all, [true, false])
  func whatIsSentIsCounted(_ hosts: Hosts, _ isOrdered: Bool) throws {
    let chunks = Self.chunks(seed: 6)
    let sent = try outcome(hosts, isOrdered: isOrdered, chunks, seed: 6).bytesSent
    let count = hosts.runs.count
    for (host, runs) in hosts.runs.enumerated() {
      let first = runs[0].lowerBound
      let run = first..<runs[runs.count - 1].upperBound
      let sums =
        isOrdered ? ReductionTree(count: hosts.replicas).subtrees(covering: run).count : 1
      var floats = 0
      for chunk in chunks {
        let lines = (chunk.range.count + 15) / 16
        let bound = { (part: Int) in min(16 * (lines * part / count), chunk.range.count) }
        for other in 0..<count where other != host {
          floats += sums * (bound(other + 1) - bound(other)) + bound(host + 1) - bound(host)
        }
      }
      #expect(sent[host] == 4 * floats, "host \(host)")
    }
  }

  @Test(arguments: [0, 1, 15, 99_999, 100_000, 1_000_000])
  func aRangeIsCutIntoChunks(_ count: Int) {
    for hosts in [2, 3, 16] {
      let range = 32..<(32 + count)
      let chunks = HostExchange.chunks(of: range, scale: 0.5, hosts: hosts)
      #expect(chunks.flatMap { Array($0.range) } == Array(range))
      #expect(chunks.allSatisfy { $0.range.lowerBound % 16 == 0 && $0.scale == 0.5 })
      #expect(
        chunks.allSatisfy { (1...HostExchange.chunkLength(hosts: hosts)).contains($0.range.count) })
    }
  }

  // MARK: - Failures

  private static let pair = Hosts([[2, 2], [4]])
  private static let timeout = Duration.milliseconds(200)

  /// Host 0 of a pair, and whatever is at the other end.
  private func runAlone(
    _ link: any HostLink, isReady: (Int) -> Bool = { _ in true },
    late: (Int) -> [CommunicationError.Participant] = { _ in [] },
    alive: () throws(CommunicationError) -> Void = {}
  ) throws -> CommunicationError? {
    let memory = HostMemory(Self.pair.partials(nil)[0])
    let exchange = try memory.exchange(
      link, host: 0, of: Self.pair, nil, Self.chunks(seed: 7), timeout: Self.timeout)
    return communicationError { () throws(CommunicationError) in
      try exchange.run(step: 9, isReady: isReady, late: late, alive: alive)
    }
  }

  private func timedOut(_ missing: [CommunicationError.Participant]) -> CommunicationError {
    .timedOut(operation: "all-reduce", step: 9, missing: missing, timeout: Self.timeout)
  }

  @Test func aSilentHostIsNamedByItsFirstProcess() throws {
    let (links, _) = ThreadedLink.between(2, disorder: nil)
    #expect(try runAlone(links[0]) == timedOut([Self.leaders(2)[1]]))
  }

  @Test func whoIsLateWithAChunkIsNamed() throws {
    let (links, _) = ThreadedLink.between(2, disorder: nil)
    let worker = CommunicationError.Participant(index: 1, replicas: 2..<4)
    let error = try runAlone(
      links[0], isReady: { $0 < 0 }, late: { $0 == 0 ? [worker] : [] })
    #expect(error == timedOut([worker]))
  }

  /// A host that has sent everything, and then takes nothing more.
  private final class DeafHost: HostLink {
    private final class Done: Transfer {
      func start() {}
      func isComplete() -> Bool { true }
    }
    private final class Stuck: Transfer {
      private var isUnderWay = false
      func start() { isUnderWay = true }
      func isComplete() -> Bool { !isUnderWay }
    }

    func sending(_ values: UnsafeBufferPointer<Float>, to host: Int, tag: Int) -> any Transfer {
      Stuck()
    }
    func receiving(
      into values: UnsafeMutableBufferPointer<Float>, from host: Int, tag: Int
    ) -> any Transfer { Done() }
    func check() {}
    func report(_ sentence: String) {}
  }

  @Test func aHostThatTakesNothingIsNamed() throws {
    let bystander = CommunicationError.Participant(index: 0, replicas: 0..<2)
    #expect(
      try runAlone(DeafHost(), late: { _ in [bystander] }) == timedOut([Self.leaders(2)[1]]))
  }

  @Test func anotherHostsReportEndsTheSum() throws {
    let (links, _) = ThreadedLink.between(2, disorder: nil)
    links[1].report("rank 3 on h1 ended the run: no images")
    #expect(
      try runAlone(links[0], isReady: { _ in false })
        == .reported("rank 3 on h1 ended the run: no images"))
  }

  @Test func aFailureOnTheOwnHostEndsTheSum() throws {
    let (links, _) = ThreadedLink.between(2, disorder: nil)
    let failure = CommunicationError.aborted(by: Self.leaders(2)[0], reason: "no images")
    for isReady in [true, false] {
      let error = try runAlone(
        links[0], isReady: { _ in isReady },
        alive: { () throws(CommunicationError) in throw failure })
      #expect(error == failure)
    }
  }
}
