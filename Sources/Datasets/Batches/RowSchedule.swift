import RandomStreams

/// The order in which batches take their images.
package enum BatchOrder: String, Sendable, CaseIterable {
  /// Uniform draws from all images, each independent of the others.
  case replacement
  /// Each epoch takes every image at most once, in an order of its own; what is left of an epoch
  /// after its last whole batch is dropped.
  case shuffled
  /// One image after the other, round and round.
  case sequential
}

/// Which image is example `index` of the global batch of a step.
///
/// A row depends on (seed, step, index) alone, so every process finds the rows of its own replicas
/// without hearing of the others, whatever their number.
package struct RowSchedule: Sendable {
  package let batchSize: Int
  private let count: Int
  private let order: BatchOrder
  private let draws: RandomStream
  private var epoch: ShuffledEpoch

  /// Throws `batchExceedsImages` for a shuffled order without a whole batch.
  package init(
    count: Int, batchSize: Int, order: BatchOrder, seed: UInt64
  ) throws(DatasetError) {
    precondition(count > 0 && count <= UInt32.max && batchSize > 0)
    guard order != .shuffled || batchSize <= count else {
      throw .batchExceedsImages(batchSize: batchSize, count: count)
    }
    self.count = count
    self.batchSize = batchSize
    self.order = order
    draws = RandomStream(seed: seed, name: "data")
    epoch = ShuffledEpoch(count: order == .shuffled ? count : 0, seed: seed)
  }

  /// The row of example `index` (0 ..< batchSize) of batch `step` (from 0). Steps may be asked in any
  /// order.
  ///
  /// - replacement: ⌊word · count / 2³²⌋ of stream "data";
  /// - shuffled: element p·B + index of epoch e's permutation, with p = k mod ⌊count/B⌋ and
  ///   e = ⌊k / ⌊count/B⌋⌋;
  /// - sequential: (k·B + index) mod count.
  ///
  /// - Complexity: O(1); O(count) where a shuffled epoch begins.
  package mutating func row(step: Int, index: Int) -> Int {
    precondition(step >= 0 && index >= 0 && index < batchSize)
    switch order {
    case .replacement:
      return draws.integer(below: count, element: 0, example: index, step: step)
    case .shuffled:
      let batches = count / batchSize
      let position = step % batches * batchSize + index
      return epoch.row(at: position, ofEpoch: step / batches)
    case .sequential:
      return (step * batchSize + index) % count
    }
  }

  /// The examples of the global batch that belong to a contiguous run of replicas:
  /// [first·B/R, (last + 1)·B/R).
  package func examples(ofReplicas replicas: Range<Int>, among count: Int) -> Range<Int> {
    precondition(count > 0 && batchSize % count == 0 && replicas.upperBound <= count)
    let share = batchSize / count
    return replicas.lowerBound * share..<replicas.upperBound * share
  }
}

/// The permutation of one epoch at a time, in memory that is taken once.
private struct ShuffledEpoch {
  private let stream: RandomStream
  private var number: Int?
  private var rows: [UInt32]

  init(count: Int, seed: UInt64) {
    stream = RandomStream(seed: seed, name: "data/shuffle")
    rows = Array(repeating: 0, count: count)
  }

  mutating func row(at position: Int, ofEpoch wanted: Int) -> Int {
    if number != wanted { shuffle(wanted) }
    return Int(rows[position])
  }

  /// Fisher and Yates' shuffle, from the identity so that an epoch does not depend on those before it.
  private mutating func shuffle(_ epoch: Int) {
    for index in rows.indices { rows[index] = UInt32(index) }
    for last in stride(from: rows.count - 1, to: 0, by: -1) {
      let other = stream.integer(below: last + 1, element: last, example: 0, step: epoch)
      rows.swapAt(last, other)
    }
    number = epoch
  }
}
