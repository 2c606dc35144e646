import Datasets
import Testing

@Suite("A row schedule")
struct RowScheduleTests {
  /// Computed with Tests/Goldens/draws.py for seed 7 and 60,000 images.
  @Test(
    "with replacement draws the rows that a second implementation in Python draws",
    arguments: [
      (0, [5563, 22706, 44630, 42052, 11208, 52548, 18208, 40755]),
      (1, [21505, 15984, 55317, 27012, 55140, 8626, 31530, 5278]),
      (1000, [49793, 50789, 58248, 19562, 487, 50233, 33148, 36274]),
    ])
  func replacement(step: Int, rows: [Int]) throws {
    var schedule = try RowSchedule(count: 60_000, batchSize: 8, order: .replacement, seed: 7)
    #expect(batch(&schedule, step) == rows)
  }

  /// Computed with Tests/Goldens/draws.py: the permutations of 10 rows for seed 7, epochs 0 to 2.
  static let permutations = [
    [6, 4, 9, 5, 7, 3, 8, 0, 2, 1], [8, 1, 5, 3, 6, 7, 2, 4, 0, 9],
    [0, 8, 6, 4, 2, 1, 3, 7, 9, 5],
  ]

  @Test("shuffled takes whole batches of the permutations of a second implementation in Python")
  func shuffled() throws {
    var schedule = try RowSchedule(count: 10, batchSize: 4, order: .shuffled, seed: 7)
    // Two batches an epoch; its last two rows are dropped. Forwards, backwards and in jumps.
    for step in [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, 4, 1, 3] {
      let first = step % 2 * 4
      #expect(batch(&schedule, step) == Array(Self.permutations[step / 2][first..<first + 4]))
    }
  }

  @Test(
    "shuffled gives each row once an epoch, in an order of the epoch's own",
    arguments: [1, 8, 64])
  func epochs(batchSize: Int) throws {
    let count = 640
    var schedule = try RowSchedule(
      count: count, batchSize: batchSize, order: .shuffled, seed: 11)
    let batches = count / batchSize
    let epochs = (0..<3).map { epoch in
      (epoch * batches..<(epoch + 1) * batches).flatMap { batch(&schedule, $0) }
    }
    for rows in epochs { #expect(rows.sorted() == Array(0..<count)) }
    #expect(Set(epochs).count == 3)
  }

  @Test("shuffled does the same for the 60,000 images of MNIST")
  func largeShuffle() throws {
    var schedule = try RowSchedule(count: 60_000, batchSize: 8, order: .shuffled, seed: 7)
    // Epoch 2's permutation in Python begins and ends like this.
    #expect(
      batch(&schedule, 15_000) == [21878, 3647, 42861, 2417, 25931, 52378, 14156, 22969])
    #expect(batch(&schedule, 22_499).suffix(4) == [13632, 34994, 40907, 5953])
  }

  @Test("in sequence goes round and round")
  func sequential() throws {
    var schedule = try RowSchedule(count: 10, batchSize: 4, order: .sequential, seed: 7)
    #expect(batch(&schedule, 0) == [0, 1, 2, 3])
    #expect(batch(&schedule, 2) == [8, 9, 0, 1])
    #expect(batch(&schedule, 1) == [4, 5, 6, 7])
    var larger = try RowSchedule(count: 3, batchSize: 4, order: .sequential, seed: 7)
    #expect(batch(&larger, 1) == [1, 2, 0, 1])
  }

  @Test("depends on the seed where it is random", arguments: [BatchOrder.replacement, .shuffled])
  func seeds(order: BatchOrder) throws {
    var one = try RowSchedule(count: 1000, batchSize: 64, order: order, seed: 1)
    var other = try RowSchedule(count: 1000, batchSize: 64, order: order, seed: 2)
    #expect(batch(&one, 0) != batch(&other, 0))
  }

  @Test("with replacement reaches the first and the last row, and none beyond")
  func bounds() throws {
    var schedule = try RowSchedule(count: 5, batchSize: 100, order: .replacement, seed: 1)
    #expect(Set(batch(&schedule, 0)) == Set(0..<5))
  }

  @Test("refuses a shuffled epoch without a whole batch, and only that")
  func tooFewRows() throws {
    #expect(throws: DatasetError.batchExceedsImages(batchSize: 64, count: 63)) {
      try RowSchedule(count: 63, batchSize: 64, order: .shuffled, seed: 1)
    }
    #expect(
      DatasetError.batchExceedsImages(batchSize: 64, count: 63).description
        == "a shuffled epoch of 63 images has no whole batch of 64, "
        + "expected a batch size of at most 63")
    _ = try RowSchedule(count: 64, batchSize: 64, order: .shuffled, seed: 1)
    _ = try RowSchedule(count: 1, batchSize: 64, order: .replacement, seed: 1)
  }

  @Test(
    "gives replicas disjoint examples that together are the batch",
    arguments: [1, 2, 4, 8, 64])
  func replicas(count: Int) throws {
    let schedule = try RowSchedule(count: 100, batchSize: 64, order: .shuffled, seed: 1)
    let examples = (0..<count).map {
      schedule.examples(ofReplicas: $0..<$0 + 1, among: count)
    }
    #expect(examples.flatMap(Array.init) == Array(0..<64))
    #expect(Set(examples.map(\.count)) == [64 / count])
    // A process's run of replicas has what its replicas have.
    let run = schedule.examples(ofReplicas: count / 2..<count, among: count)
    #expect(Array(run) == examples[(count / 2)...].flatMap(Array.init))
  }

  private func batch(_ schedule: inout RowSchedule, _ step: Int) -> [Int] {
    (0..<schedule.batchSize).map { schedule.row(step: step, index: $0) }
  }
}
