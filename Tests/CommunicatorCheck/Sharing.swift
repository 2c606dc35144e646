import Execution

/// Memory that the processes of a host share.
extension Check {
  @Sendable static func sharedFloats(_ job: Job) throws -> [String] {
    let processes = job.processes
    let neighbours = processes.neighbours
    // One value a process, a few, many, and none.
    let counts = [processes.count, 1000 * processes.count, 1 << 20, 0]
    let buffers = try counts.map { try processes.sharedFloats(count: $0) }
    for (count, buffer) in zip(counts, buffers) {
      try job.require(buffer.count == count, "\(buffer.count) floats instead of \(count)")
      try job.require(buffer.values.allSatisfy { $0.bitPattern == 0 }, "floats that are not zero")
      try job.require(Int(bitPattern: buffer.pointer) % 64 == 0, "floats between cache lines")
    }
    try job.communicator.barrier("looking", step: 0)

    // Every process writes its own stretch of every buffer; other hosts' write the same stretches of theirs.
    for (index, buffer) in buffers.enumerated() {
      for position in stretch(job.own, of: neighbours, in: buffer.count) {
        buffer.pointer[position] = mark(index, job.own, position)
      }
    }
    try job.communicator.barrier("writing", step: 0)
    for (index, buffer) in buffers.enumerated() {
      for neighbour in neighbours {
        for position in stretch(neighbour, of: neighbours, in: buffer.count) {
          try job.require(
            buffer.pointer[position] == mark(index, neighbour, position),
            "\(buffer.pointer[position]) at \(position) of buffer \(index), where process "
              + "\(neighbour) wrote \(mark(index, neighbour, position))")
        }
      }
    }
    try job.communicator.barrier("reading", step: 0)
    return ["\(buffers.count) buffers"]
  }

  private static func stretch(
    _ process: Int, of neighbours: Range<Int>, in count: Int
  ) -> Range<Int> {
    let index = process - neighbours.lowerBound
    return (count * index / neighbours.count)..<(count * (index + 1) / neighbours.count)
  }

  private static func mark(_ buffer: Int, _ process: Int, _ position: Int) -> Float {
    Float(1 + position % 1000 + 1000 * process + 100_000 * buffer)
  }
}
