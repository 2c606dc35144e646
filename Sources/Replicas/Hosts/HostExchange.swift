import Execution
import Kernels
import ProgramPasses

/// Adds the partial sums of all hosts, chunk by chunk, while the chunks that are not ready are still
/// being computed.
///
/// Of every chunk each host owns a part: it is sent the others' sums of that part, adds them along
/// the tree, and sends them the total.
///
///     chunk ready ─▶ own sum of part h ──▶ host h
///                    sums of the own part ◀── all hosts ─▶ total ──▶ all hosts
///                    totals of the parts ◀── their owners
///
/// A host sends and receives 2·(H − 1)/H of the values in all, of H hosts, where each has one
/// partial sum; that is the least possible.
package final class HostExchange {
  /// Values that are sent together, in the buffer of sums.
  package struct Chunk: Hashable, Sendable {
    package let range: Range<Int>
    /// What the total is multiplied by.
    package let scale: Float

    package init(range: Range<Int>, scale: Float) {
      self.range = range
      self.scale = scale
    }
  }

  /// How many values are sent together, so that a message is a little shorter than 64 KiB: Open MPI
  /// sends these over TCP at once, and asks the receiver first for longer ones, whose answer waits
  /// behind everything else that is under way.
  package static func chunkLength(hosts: Int) -> Int { hosts * 15 * 1024 }

  /// The tags of `SharedSum`'s messages; those of steps come after them.
  static let allReduceTag = 0
  static let firstStepTag = 1 << 16

  package static func chunks(of range: Range<Int>, scale: Float, hosts: Int) -> [Chunk] {
    let length = chunkLength(hosts: hosts)
    return stride(from: range.lowerBound, to: range.upperBound, by: length).map {
      Chunk(range: $0..<min($0 + length, range.upperBound), scale: scale)
    }
  }

  /// One chunk's additions, and its messages to and from each host.
  private struct Stage {
    typealias Message = (host: Int, transfer: any Transfer)
    var ownSums: [KernelCall] = []
    var sums: [Message] = []
    var othersSums: [Message] = []
    var total: KernelCall?
    var totals: [Message] = []
    var othersTotals: [Message] = []

    /// What must be through, once the total is there, before the next step begins.
    var theLast: [Message] { othersTotals + sums + totals }
  }

  package let chunks: [Chunk]
  /// What this host sends a step, in bytes.
  package let bytesSent: Int
  private let link: any HostLink
  private let timeout: Duration
  private let stages: [Stage]
  private let factory: KernelFactory
  private let leaders: [CommunicationError.Participant]
  /// Of the messages.
  private let scratch: [AlignedBuffer]

  /// - Parameters:
  ///   - partials: for each host, the subtrees whose sums its workers make, in order.
  ///   - tree: over all replicas; nil where any order will do.
  ///   - own: the partial sums of this host's workers, as long as the buffer of sums.
  ///   - sums: where the totals go, at the chunks' ranges.
  ///   - firstTag: from which on tags are free.
  ///   - leaders: the first process of each host, for errors.
  package init(
    _ link: any HostLink, host: Int, partials: [[Range<Int>]], tree: ReductionTree?,
    own: [PartialSum], chunks: [Chunk], into sums: UnsafeMutablePointer<Float>, firstTag: Int,
    leaders: [CommunicationError.Participant], timeout: Duration
  ) throws(CommunicationError) {
    self.link = link
    self.chunks = chunks
    self.timeout = timeout
    self.leaders = leaders
    factory = try .forSums()

    // What each host sends of a part: one sum for each complete subtree of its replicas, or one in all.
    let sent = partials.map { subtrees -> [Range<Int>] in
      guard let first = subtrees.first, let last = subtrees.last else { return [] }
      return tree.partials(of: first.lowerBound..<last.upperBound)
    }
    let totalOrder = partials.indices.flatMap { $0 == host ? partials[$0] : sent[$0] }
    let totalMerges = tree.merges(of: totalOrder)
    let hosts = partials.count
    let sources = own.compactMap(\.values.baseAddress)
    precondition(sources.count == partials[host].count)

    var scratch: [AlignedBuffer] = []
    var bytes = 0
    func buffer(_ count: Int) -> AlignedBuffer {
      scratch.append(AlignedBuffer(count: count))
      return scratch[scratch.count - 1]
    }
    var stages: [Stage] = []
    for (number, chunk) in chunks.enumerated() {
      var stage = Stage()
      let (sumTag, totalTag) = (firstTag + 2 * number, firstTag + 2 * number + 1)
      let part = { (owner: Int) in ParameterLayout.stretch(owner, of: hosts, in: chunk.range) }
      let ownPart = part(host)
      var received: [Int: [UnsafePointer<Float>]] = [:]
      for other in 0..<hosts where other != host {
        let othersPart = part(other)
        if !othersPart.isEmpty {
          let packed = buffer(sent[host].count * othersPart.count)
          for (position, subtree) in sent[host].enumerated() {
            let inside = partials[host].indices.filter {
              subtree.lowerBound <= partials[host][$0].lowerBound
                && partials[host][$0].upperBound <= subtree.upperBound
            }
            stage.ownSums.append(
              factory.sumTree(
                inside.map { sources[$0] + othersPart.lowerBound },
                merges: tree.merges(of: inside.map { partials[host][$0] }),
                out: packed.pointer + position * othersPart.count, count: othersPart.count))
          }
          stage.sums.append(
            (other, try link.sending(UnsafeBufferPointer(packed.values), to: other, tag: sumTag)))
          stage.othersTotals.append(
            (
              other,
              try link.receiving(
                into: UnsafeMutableBufferPointer(
                  start: sums + othersPart.lowerBound, count: othersPart.count),
                from: other, tag: totalTag)
            ))
          bytes += packed.count * MemoryLayout<Float>.stride
        }
        if !ownPart.isEmpty {
          let packed = buffer(sent[other].count * ownPart.count)
          received[other] = sent[other].indices.map {
            UnsafePointer(packed.pointer + $0 * ownPart.count)
          }
          stage.othersSums.append(
            (other, try link.receiving(into: packed.values, from: other, tag: sumTag)))
          stage.totals.append(
            (
              other,
              try link.sending(
                UnsafeBufferPointer(start: sums + ownPart.lowerBound, count: ownPart.count),
                to: other, tag: totalTag)
            ))
          bytes += ownPart.count * MemoryLayout<Float>.stride
        }
      }
      if !ownPart.isEmpty {
        stage.total = factory.sumTree(
          (0..<hosts).flatMap { other in
            received[other] ?? sources.map { $0 + ownPart.lowerBound }
          }, merges: totalMerges, out: sums + ownPart.lowerBound, count: ownPart.count,
          scale: chunk.scale)
      }
      stages.append(stage)
    }
    self.stages = stages
    self.scratch = scratch
    bytesSent = bytes
  }

  /// Adds all chunks, and returns once their totals are there.
  ///
  /// - Parameters:
  ///   - isReady: whether this host's partial sums of a chunk are complete; asked in the chunks' order.
  ///   - late: who of this host is late with the chunk that is not ready.
  ///   - alive: called again and again while it waits; what it throws ends the exchange.
  package func run(
    step: Int, isReady: (_ chunk: Int) -> Bool,
    late: (_ chunk: Int) -> [CommunicationError.Participant],
    alive: () throws(CommunicationError) -> Void = {}
  ) throws(CommunicationError) {
    for stage in stages {
      try Self.start(stage.othersSums)
      try Self.start(stage.othersTotals)
    }
    var (ready, added, complete) = (0, 0, 0)
    var patience = Patience(timeout + Patience.grace(timeout))
    while complete < stages.count {
      let before = ready + added + complete
      if ready < stages.count, isReady(ready) {
        for call in stages[ready].ownSums { _ = call.run() }
        try Self.start(stages[ready].sums)
        ready += 1
      }
      if added < ready, try Self.missing(stages[added].othersSums) == nil {
        _ = stages[added].total?.run()
        try Self.start(stages[added].totals)
        added += 1
      }
      if complete < added, try Self.missing(stages[complete].theLast) == nil { complete += 1 }
      if before != ready + added + complete {
        patience.renew()
        continue
      }
      try alive()
      try link.check()
      if patience.isAtItsEnd {
        let waiting =
          added < ready
          ? stages[added].othersSums
          : complete < added ? stages[complete].theLast : []
        let host = try Self.missing(waiting)
        throw .timedOut(
          operation: "all-reduce", step: step, missing: host.map { [leaders[$0]] } ?? late(ready),
          timeout: timeout)
      }
    }
  }

  private static func start(_ messages: [Stage.Message]) throws(CommunicationError) {
    for message in messages { try message.transfer.start() }
  }

  /// The first host whose message is not through.
  private static func missing(_ messages: [Stage.Message]) throws(CommunicationError) -> Int? {
    for message in messages where try !message.transfer.isComplete() { return message.host }
    return nil
  }
}
