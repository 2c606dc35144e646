import Datasets
import Foundation
import Synchronization
import Testing

@Suite("A batch loader", .timeLimit(.minutes(1)))
struct BatchLoaderTests {
  /// Image r holds r · 100 + element, so that a value names its row and place.
  struct NumberedImages: ImageSource {
    let count: Int
    var failingRow: Int?
    var shape: ImageShape { ImageShape(height: 2, width: 3, channels: 1) }
    var description: String { "numbered images" }

    func read(row: Int, into destination: UnsafeMutablePointer<Float>) throws(DatasetError) {
      guard row != failingRow else { throw .unreadable(path: "row \(row)", reason: "it is bad") }
      for element in 0..<6 { destination[element] = Float(row * 100 + element) }
    }
  }

  /// What every consumer must see of a sequential schedule, by arithmetic alone.
  private func isBatch(
    _ batch: UnsafePointer<Float>, step: Int, examples: Range<Int>, batchSize: Int, count: Int
  ) -> Bool {
    examples.indices.allSatisfy { example in
      (0..<6).allSatisfy { element in
        batch[(example - examples.lowerBound) * 6 + element]
          == Float((step * batchSize + example) % count * 100 + element)
      }
    }
  }

  @Test("gives every consumer the batch of its step", arguments: 1...8)
  func stress(consumers: Int) throws {
    let images = NumberedImages(count: 997)
    let schedule = try RowSchedule(count: 997, batchSize: 16, order: .sequential, seed: 1)
    let loader = BatchLoader(
      source: images, schedule: schedule, examples: 4..<12, consumers: consumers)
    let right = Atomic(0)
    loader.start(step: 0)
    onThreads(consumers) { consumer in
      for step in 0..<2000 {
        guard let batch = try? loader.acquire(step: step) else { return }
        // Some consumers linger, so that others run ahead into the next step.
        if (step + consumer).isMultiple(of: 7) { _ = (0..<200).reduce(0, &+) }
        if isBatch(batch, step: step, examples: 4..<12, batchSize: 16, count: 997) {
          right.add(1, ordering: .relaxed)
        }
        loader.release(step: step)
      }
    }
    loader.stop()
    #expect(right.load(ordering: .relaxed) == 2000 * consumers)
  }

  @Test("gives what direct reads of the schedule's rows give", arguments: BatchOrder.allCases)
  func directReads(order: BatchOrder) throws {
    let images = SyntheticImages(
      shape: ImageShape(height: 6, width: 5, channels: 3), seed: 2, count: 50)
    var schedule = try RowSchedule(count: 50, batchSize: 8, order: order, seed: 3)
    let loader = BatchLoader(source: images, schedule: schedule, examples: 2..<6, consumers: 1)
    loader.start(step: 0)
    for step in 0..<20 {
      let batch = try loader.acquire(step: step)
      #expect(UInt(bitPattern: batch) % 64 == 0)
      let expected = try (2..<6).flatMap {
        try pixels(of: images, row: schedule.row(step: step, index: $0))
      }
      #expect((0..<4 * 90).map { batch[$0] } == expected)
      loader.release(step: step)
    }
  }

  @Test("gives the replicas of any number of processes the rows of one", arguments: [1, 2, 4, 8])
  func processes(count: Int) throws {
    let images = NumberedImages(count: 100)
    let schedule = try RowSchedule(count: 100, batchSize: 16, order: .shuffled, seed: 3)
    func rows(_ examples: Range<Int>) throws -> [Int] {
      let loader = BatchLoader(
        source: images, schedule: schedule, examples: examples, consumers: 1)
      loader.start(step: 8)
      let batch = try loader.acquire(step: 8)
      return (0..<examples.count).map { Int(batch[$0 * 6]) / 100 }
    }
    let whole = try rows(0..<16)
    let parts = try (0..<count).map { process in
      let replicas = process * 8 / count..<(process + 1) * 8 / count
      return try rows(schedule.examples(ofReplicas: replicas, among: 8))
    }
    #expect(parts.flatMap(\.self) == whole)
    #expect(Set(whole).count == 16)
  }

  @Test("keeps a batch as it is until the last consumer has released it")
  func lastRelease() throws {
    let loader = try numbered(consumers: 2)
    loader.start(step: 0)
    let batch = try loader.acquire(step: 0)
    loader.release(step: 0)
    _ = try loader.acquire(step: 1)
    loader.release(step: 1)
    loader.release(step: 1)
    #expect(isBatch(batch, step: 0, examples: 0..<4, batchSize: 4, count: 40))
    loader.release(step: 0)
    let later = try loader.acquire(step: 2)
    #expect(later == batch)
    #expect(isBatch(later, step: 2, examples: 0..<4, batchSize: 4, count: 40))
  }

  @Test("starts at any step, and again at another, also while a step is held back")
  func restart() throws {
    let loader = try numbered(consumers: 1)
    for first in [5, 0, 100, 99, 99] {
      loader.start(step: first)
      for step in first..<first + 5 {
        let batch = try loader.acquire(step: step)
        #expect(isBatch(batch, step: step, examples: 0..<4, batchSize: 4, count: 40))
        loader.release(step: step)
      }
      // Now and then through a stop, otherwise straight from the next two prepared steps.
      if first == 100 { loader.stop() }
    }
  }

  @Test("can be restarted many times while it is filling")
  func manyRestarts() throws {
    let loader = try numbered(consumers: 1)
    for round in 0..<500 {
      loader.start(step: round)
      if round.isMultiple(of: 3) { continue }
      let batch = try loader.acquire(step: round)
      #expect(isBatch(batch, step: round, examples: 0..<4, batchSize: 4, count: 40))
      loader.release(step: round)
    }
  }

  @Test("tells those who wait, and those who come later, that it has stopped")
  func stop() throws {
    let loader = try numbered(consumers: 2)
    loader.start(step: 0)
    _ = try loader.acquire(step: 0)
    _ = try loader.acquire(step: 1)
    let stopped = Atomic(0)
    // Step 2 cannot come, since step 0 is never released.
    onThreads(3) { thread in
      if thread == 2 { return loader.stop() }
      do throws(DatasetError) {
        _ = try loader.acquire(step: 2)
      } catch {
        if error == .loaderStopped(step: 2) { stopped.add(1, ordering: .relaxed) }
      }
    }
    #expect(stopped.load(ordering: .relaxed) == 2)
    #expect(throws: DatasetError.loaderStopped(step: 0)) { try loader.acquire(step: 0) }
    loader.release(step: 0)
  }

  @Test("refuses to give a batch before it is started")
  func notStarted() throws {
    let loader = try numbered(consumers: 1)
    #expect(throws: DatasetError.loaderStopped(step: 0)) { try loader.acquire(step: 0) }
  }

  @Test("gives the batches before a bad row, then its error, and recovers when started again")
  func failure() throws {
    let error = DatasetError.unreadable(path: "row 13", reason: "it is bad")
    let loader = try numbered(consumers: 2, failingRow: 13)
    loader.start(step: 0)
    let failures = Atomic(0)
    onThreads(2) { _ in
      for step in 0..<5 {
        do throws(DatasetError) {
          _ = try loader.acquire(step: step)
          loader.release(step: step)
        } catch let caught {
          // Rows 12 … 15 are step 3; steps 3 and 4 fail for both consumers.
          if caught == error, step >= 3 { failures.add(1, ordering: .relaxed) }
        }
      }
    }
    #expect(failures.load(ordering: .relaxed) == 4)
    loader.start(step: 4)
    let batch = try loader.acquire(step: 4)
    #expect(isBatch(batch, step: 4, examples: 0..<4, batchSize: 4, count: 40))
  }

  @Test("lets go of its source when it is dropped while preparing")
  func dropped() throws {
    final class Token: Sendable {}
    struct Watched: ImageSource {
      let token: Token
      var count: Int { 10 }
      var shape: ImageShape { ImageShape(height: 1, width: 1, channels: 1) }
      var description: String { "watched" }
      func read(row: Int, into destination: UnsafeMutablePointer<Float>) { destination[0] = 0 }
    }
    weak var token: Token?
    do {
      let source = Watched(token: Token())
      token = source.token
      let schedule = try RowSchedule(count: 10, batchSize: 2, order: .sequential, seed: 1)
      let loader = BatchLoader(source: source, schedule: schedule, examples: 0..<2, consumers: 1)
      loader.start(step: 0)
      _ = try loader.acquire(step: 0)
    }
    // The thread leaves on its own, soon.
    let patience = Date(timeIntervalSinceNow: 20)
    while token != nil, Date() < patience { Thread.sleep(forTimeInterval: 0.001) }
    #expect(token == nil)
  }

  private func numbered(consumers: Int, failingRow: Int? = nil) throws -> BatchLoader {
    BatchLoader(
      source: NumberedImages(count: 40, failingRow: failingRow),
      schedule: try RowSchedule(count: 40, batchSize: 4, order: .sequential, seed: 1),
      examples: 0..<4, consumers: consumers)
  }
}
