import Execution
import Replicas

/// All-reduces, against the contract's tree written out.
extension Check {
  static let sums: @Sendable (Job) throws -> [String] = { job in
    let processes = job.processes.count
    var round = 0
    // Shorter than there are processes, and longer.
    for count in [1, 7003, 5] {
      // A replica for each process, and more: several subtrees in one process, trees with uneven
      // sides; and again.
      for replicas in [processes, processes, max(8, processes), 2 * processes + 1] {
        try reduce(job, Sum(replicas: replicas, count: count, round: round))
        round += 1
      }
    }
    // Longer than one message between hosts.
    try reduce(job, Sum(replicas: max(8, processes), count: 270_000, round: round))
    return ["\(round + 1) sums"]
  }

  /// In buffers of each process's own.
  private static func reduce(_ job: Job, _ sum: Sum) throws {
    let buffers = sum.subtrees(in: job).map {
      (replicas: $0, buffer: AlignedBuffer(count: sum.count))
    }
    for (replicas, buffer) in buffers { sum.write(replicas, into: buffer) }
    let total = AlignedBuffer(count: sum.count)
    try withExtendedLifetime(buffers) {
      try job.communicator.allReduce(
        buffers.map {
          PartialSum(replicas: $0.replicas, values: UnsafeBufferPointer($0.buffer.values))
        }, into: total.values, step: sum.round)
    }
    try sum.requireTotal(total, in: job)
  }

  /// In memory that the processes of a host share; repeated, with other values.
  static let sharedSums: @Sendable (Job) throws -> [String] = { job in
    guard let communicator = job.communicator as? MPICommunicator else {
      throw Wrong("no launcher has started this process")
    }
    let sums = (0..<3).map { Sum(replicas: 2 * job.processes.count + 1, count: 7003, round: $0) }
    let subtrees = sums[0].subtrees(in: job)
    let memory = try communicator.makeSharedSum(of: subtrees, count: sums[0].count)
    for sum in sums {
      for (replicas, buffer) in zip(subtrees, memory.own) { sum.write(replicas, into: buffer) }
      try memory.add(step: sum.round)
      try sum.requireTotal(memory.sum, in: job)
      try memory.release(step: sum.round)
    }
    return ["\(sums.count) sums"]
  }
}

/// A sum over all replicas, of values that are known everywhere, along the contract's tree.
private struct Sum {
  let replicas: Int
  let count: Int
  let round: Int

  /// The sums that a process can make alone.
  func subtrees(in job: Job) -> [Range<Int>] {
    let run = job.prepare(replicas: replicas, timeout: .seconds(20)).run(rank: job.own)
    return Self.subtrees(of: run, in: 0..<replicas)
  }

  func write(_ replicas: Range<Int>, into buffer: AlignedBuffer) {
    for position in 0..<count { buffer.pointer[position] = sum(replicas, position) }
  }

  func requireTotal(_ total: AlignedBuffer, in job: Job) throws {
    var differsFromSequence = false
    for position in 0..<count {
      let expected = sum(0..<replicas, position)
      try job.require(
        total.pointer[position].bitPattern == expected.bitPattern,
        "\(total.pointer[position]) instead of \(expected) at \(position) of \(count) values, "
          + "\(replicas) replicas")
      let sequence = (0..<replicas).reduce(Float(-0.0)) { $0 + value($1, position) }
      differsFromSequence = differsFromSequence || sequence.bitPattern != expected.bitPattern
    }
    // Or else the order would not matter, and nothing would have been checked.
    try job.require(
      differsFromSequence || replicas < 4 || count < 1000, "any order gives the same bits")
  }

  /// ((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7)); for another count, split at the largest power of two below.
  private func sum(_ replicas: Range<Int>, _ position: Int) -> Float {
    guard let (left, right) = Self.halves(replicas) else {
      return value(replicas.lowerBound, position)
    }
    return sum(left, position) + sum(right, position)
  }

  private static func halves(_ replicas: Range<Int>) -> (left: Range<Int>, right: Range<Int>)? {
    if replicas.count == 1 { return nil }
    var power = 1
    while 2 * power < replicas.count { power *= 2 }
    let middle = replicas.lowerBound + power
    return (replicas.lowerBound..<middle, middle..<replicas.upperBound)
  }

  private static func subtrees(of run: Range<Int>, in node: Range<Int>) -> [Range<Int>] {
    if run.clamped(to: node) == node { return [node] }
    guard run.overlaps(node), let (left, right) = halves(node) else { return [] }
    return subtrees(of: run, in: left) + subtrees(of: run, in: right)
  }

  /// What a replica adds: numbers of very different sizes.
  private func value(_ replica: Int, _ position: Int) -> Float {
    var bits = UInt64(replica) << 48 ^ UInt64(round) << 32 ^ UInt64(position)
    bits = (bits &+ 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 29)) &* 0x94D0_49BB_1331_11EB
    let significand = Float(Int32(truncatingIfNeeded: bits >> 32)) / Float(1 << 31)
    return significand * Float(sign: .plus, exponent: Int(bits >> 20 & 7), significand: 1)
  }
}
