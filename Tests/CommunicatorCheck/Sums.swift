import Execution
import Replicas

/// All-reduces, against the contract's tree written out.
extension Check {
  @Sendable static func allReduce(_ job: Job) throws -> [String] {
    let processes = job.processes.count
    var round = 0
    // Shorter than there are processes, and longer than one message between hosts.
    for count in [1, 70_003, 300_000, 5] {
      // A replica for each process, and more: several subtrees in one process, trees with uneven
      // sides; and again.
      for replicas in [processes, processes, max(8, processes), 2 * processes + 1] {
        let placement = job.prepare(replicas: replicas, timeout: .seconds(20))
        try reduce(job, placement.run(rank: job.own), of: replicas, count: count, round: round)
        round += 1
      }
    }
    return ["\(round) sums"]
  }

  private static func reduce(
    _ job: Job, _ run: Range<Int>, of replicas: Int, count: Int, round: Int
  ) throws {
    let buffers = subtrees(of: run, in: 0..<replicas).map { subtree in
      let buffer = AlignedBuffer(count: count)
      for position in 0..<count { buffer.pointer[position] = sum(subtree, position, round) }
      return (replicas: subtree, buffer: buffer)
    }
    let total = AlignedBuffer(count: count)
    try withExtendedLifetime(buffers) {
      try job.communicator.allReduce(
        buffers.map {
          PartialSum(replicas: $0.replicas, values: UnsafeBufferPointer($0.buffer.values))
        }, into: total.values, step: round)
    }

    var differsFromSequence = false
    for position in 0..<count {
      let expected = sum(0..<replicas, position, round)
      try job.require(
        total.pointer[position].bitPattern == expected.bitPattern,
        "\(total.pointer[position]) instead of \(expected) at \(position) of \(count) values, "
          + "\(replicas) replicas")
      let sequence = (0..<replicas).reduce(Float(-0.0)) { $0 + value($1, position, round) }
      differsFromSequence = differsFromSequence || sequence.bitPattern != expected.bitPattern
    }
    // Or else the order would not matter, and nothing would have been checked.
    try job.require(
      differsFromSequence || replicas < 4 || count < 1000, "any order gives the same bits")
  }

  /// ((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7)); for another count, split at the largest power of two below.
  private static func sum(_ replicas: Range<Int>, _ position: Int, _ round: Int) -> Float {
    guard let (left, right) = halves(replicas) else {
      return value(replicas.lowerBound, position, round)
    }
    return sum(left, position, round) + sum(right, position, round)
  }

  private static func halves(_ replicas: Range<Int>) -> (left: Range<Int>, right: Range<Int>)? {
    if replicas.count == 1 { return nil }
    var power = 1
    while 2 * power < replicas.count { power *= 2 }
    let middle = replicas.lowerBound + power
    return (replicas.lowerBound..<middle, middle..<replicas.upperBound)
  }

  /// The sums that one can make alone who has the replicas `run`.
  private static func subtrees(of run: Range<Int>, in node: Range<Int>) -> [Range<Int>] {
    if run.clamped(to: node) == node { return [node] }
    guard run.overlaps(node), let (left, right) = halves(node) else { return [] }
    return subtrees(of: run, in: left) + subtrees(of: run, in: right)
  }

  /// What a replica adds: numbers of very different sizes.
  private static func value(_ replica: Int, _ position: Int, _ round: Int) -> Float {
    var bits = UInt64(replica) << 48 ^ UInt64(round) << 32 ^ UInt64(position)
    bits = (bits &+ 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 29)) &* 0x94D0_49BB_1331_11EB
    let significand = Float(Int32(truncatingIfNeeded: bits >> 32)) / Float(1 << 31)
    return significand * Float(sign: .plus, exponent: Int(bits >> 20 & 7), significand: 1)
  }
}
