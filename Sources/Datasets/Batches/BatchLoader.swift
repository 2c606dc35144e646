import Dispatch

/// Prepares the next batch on a thread of its own while the step runs.
///
/// A process reads only the examples of its own replicas. Each of its workers acquires the batch of a
/// step, reads its rows of [examples, height, width, channels], and releases it once; when all have,
/// the buffer is filled with the batch two steps later. Nothing is allocated a step, unless images are
/// slow to read: those of a batch are then read on all cores.
package final class BatchLoader: Sendable {
  /// The examples of the global batch that are loaded.
  package let examples: Range<Int>
  private let source: any ImageSource
  private let schedule: RowSchedule
  private let ring: BatchRing
  private let queue = DispatchQueue(label: "selfgan.batches")

  /// - Parameter consumers: workers that acquire and release each step.
  package init(
    source: any ImageSource, schedule: RowSchedule, examples: Range<Int>, consumers: Int
  ) {
    precondition(
      !examples.isEmpty && examples.lowerBound >= 0 && examples.upperBound <= schedule.batchSize)
    self.source = source
    self.schedule = schedule
    self.examples = examples
    ring = BatchRing(
      elementCount: examples.count * source.shape.elementCount, consumers: consumers)
  }

  deinit { ring.end() }

  /// Begins to prepare the batches from `step` on; also after a stop, or instead of the steps that
  /// were being prepared. No consumer may hold a batch.
  package func start(step: Int) {
    precondition(step >= 0)
    let run = ring.begin()
    // The queue is serial: an earlier run has left the buffers before this one touches them.
    queue.async { [ring, source, schedule, examples] in
      Self.fill(ring, run, from: step, source, schedule, examples)
    }
  }

  /// Waits for the batch of a step: `examples.count` images, aligned to 64 bytes, which stay as they
  /// are until every consumer has released the step.
  ///
  /// Throws what reading an image threw, and `loaderStopped` where nothing prepares batches.
  package func acquire(step: Int) throws(DatasetError) -> UnsafePointer<Float> {
    try ring.acquire(step: step)
  }

  /// Gives the batch of a step back; to be called once by each consumer.
  package func release(step: Int) { ring.release(step: step) }

  /// Stops preparing; consumers that wait get `loaderStopped`.
  package func stop() { ring.end() }

  private static func fill(
    _ ring: BatchRing, _ run: Int, from first: Int, _ source: any ImageSource,
    _ schedule: RowSchedule, _ examples: Range<Int>
  ) {
    var schedule = schedule
    var rows = [Int](repeating: 0, count: examples.count)
    var step = first
    while let buffer = ring.vacancy(step: step, run: run) {
      for (slot, example) in examples.enumerated() {
        rows[slot] = schedule.row(step: step, index: example)
      }
      do throws(DatasetError) {
        try read(rows, of: source, into: buffer)
      } catch {
        return ring.fail(step: step, run: run, error)
      }
      ring.publish(step: step, run: run)
      step += 1
    }
  }

  /// Throws the error of the first bad row.
  private static func read(
    _ rows: [Int], of source: any ImageSource, into buffer: UnsafeMutablePointer<Float>
  ) throws(DatasetError) {
    let length = source.shape.elementCount
    guard source.isSlow else {
      for (slot, row) in rows.enumerated() {
        try source.read(row: row, into: buffer + slot * length)
      }
      return
    }
    nonisolated(unsafe) let buffer = buffer
    let errors = concurrently(rows.count) { (slot) throws(DatasetError) in
      try source.read(row: rows[slot], into: buffer + slot * length)
    }
    if let first = errors.min(by: { $0.key < $1.key }) { throw first.value }
  }
}
