import Execution
import ProgramPasses
import Synchronization

/// In which chunks the partial sums of each round become complete, in the order in which a step
/// completes them: that of the backward pass, for gradients. The same in all processes.
struct ReductionChunks {
  /// For each round.
  private(set) var rounds: [[HostExchange.Chunk]]
  private var marks: [Int: Progress.Mark] = [:]

  /// - Parameters:
  ///   - replicas: over how many the sums are.
  ///   - hosts: among how many a chunk is divided.
  init(_ plan: ExecutionPlan, replicas: Int, hosts: Int) {
    rounds = plan.rounds.map { _ in [] }
    let order = plan.segments.flatMap { $0 }
    for round in plan.rounds.indices {
      let slots = plan.slots.filter { $0.round == round }
      var open: (chunk: HostExchange.Chunk, instruction: Int)?
      func close() {
        guard let (chunk, instruction) = open else { return }
        let pieces = HostExchange.chunks(of: chunk.range, scale: chunk.scale, hosts: hosts)
        rounds[round] += pieces
        marks[instruction] = Progress.Mark(counter: round, amount: pieces.count)
        open = nil
      }
      for instruction in order {
        guard let slot = slots.first(where: { $0.instruction == instruction }) else { continue }
        let range = slot.offset..<(slot.offset + ParameterLayout.padded(slot.count))
        let isMean = plan.rounds[round].contains {
          $0.range.contains(range.lowerBound) && $0.reduction == .mean
        }
        let scale = isMean ? 1 / Float(replicas) : 1
        // Neighbours that become complete one after the other go together.
        if let (chunk, _) = open, chunk.scale == scale,
          chunk.range.count + range.count <= HostExchange.chunkLength(hosts: hosts),
          let joined = Self.joined(chunk.range, range)
        {
          open = (HostExchange.Chunk(range: joined, scale: scale), instruction)
        } else {
          close()
          open = (HostExchange.Chunk(range: range, scale: scale), instruction)
        }
      }
      close()
    }
  }

  private static func joined(_ a: Range<Int>, _ b: Range<Int>) -> Range<Int>? {
    a.upperBound == b.lowerBound
      ? a.lowerBound..<b.upperBound
      : b.upperBound == a.lowerBound ? b.lowerBound..<a.upperBound : nil
  }

  /// How a worker counts the chunks of each round that it has completed.
  func progress(_ counters: UnsafeMutablePointer<Atomic<Int>>) -> Progress {
    Progress(marks: marks, counters: counters)
  }
}
