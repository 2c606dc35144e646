import Foundation

/// Hands buffers over from one thread that fills them, step after step, to the consumers of each step.
///
///     filler    vacancy(step) → fills the buffer → publish(step)
///     consumers acquire(step) → reads the buffer → release(step), once each
///
/// Step k uses buffer k mod 2, so that one step is filled while the other is consumed. A run begins
/// with `begin` and ends with `end`; what belongs to an earlier run is then ignored.
final class BatchRing: @unchecked Sendable {
  // Unchecked: all variables are guarded by `condition`; a buffer's contents belong to the filler
  // from vacancy to publish and to the consumers from there to the last release.
  private let condition = NSCondition()
  private let consumers: Int
  private let buffers: [UnsafeMutablePointer<Float>]
  private var slots: [Slot]
  private var run = 0
  private var isRunning = false
  private var failure: (step: Int, error: DatasetError)?

  private struct Slot {
    /// The step that was published here last in this run.
    var step: Int?
    /// Consumers that have not released it.
    var readers = 0
  }

  /// Two buffers of `elementCount` floats, aligned to a cache line.
  init(elementCount: Int, consumers: Int) {
    precondition(consumers > 0)
    self.consumers = consumers
    slots = Array(repeating: Slot(), count: 2)
    buffers = slots.map { _ in
      UnsafeMutableRawPointer.allocate(
        byteCount: elementCount * MemoryLayout<Float>.stride, alignment: 64
      ).bindMemory(to: Float.self, capacity: elementCount)
    }
  }

  deinit { for buffer in buffers { UnsafeMutableRawPointer(buffer).deallocate() } }

  /// Begins a run and returns its number. Nothing may be held from the run before.
  func begin() -> Int {
    condition.withLock {
      for index in slots.indices { slots[index] = Slot() }
      failure = nil
      run += 1
      isRunning = true
      condition.broadcast()
      return run
    }
  }

  /// Ends the run: whoever waits, or acquires from now on, is told that the loader has stopped.
  func end() {
    condition.withLock {
      isRunning = false
      condition.broadcast()
    }
  }

  /// The buffer of a step, once all consumers have released the step that was there before; nil when
  /// the run is over.
  func vacancy(step: Int, run: Int) -> UnsafeMutablePointer<Float>? {
    condition.withLock {
      let index = step % slots.count
      while isCurrent(run), slots[index].readers > 0 { condition.wait() }
      return isCurrent(run) ? buffers[index] : nil
    }
  }

  func publish(step: Int, run: Int) {
    condition.withLock {
      guard isCurrent(run) else { return }
      slots[step % slots.count] = Slot(step: step, readers: consumers)
      condition.broadcast()
    }
  }

  /// Batches before `step` can still be acquired; from there on consumers get the error.
  func fail(step: Int, run: Int, _ error: DatasetError) {
    condition.withLock {
      guard isCurrent(run) else { return }
      failure = (step, error)
      condition.broadcast()
    }
  }

  /// Waits for the batch of a step. Throws the reader's error, and `loaderStopped`.
  func acquire(step: Int) throws(DatasetError) -> UnsafePointer<Float> {
    condition.lock()
    defer { condition.unlock() }
    let (index, run) = (step % slots.count, run)
    while isCurrent(run), slots[index].step != step {
      if let failure, failure.step <= step { throw failure.error }
      // It would wait for ever: a buffer's steps only grow.
      precondition(slots[index].step.map { $0 < step } ?? true, "step \(step) has passed")
      condition.wait()
    }
    guard isCurrent(run) else { throw .loaderStopped(step: step) }
    return UnsafePointer(buffers[index])
  }

  func release(step: Int) {
    condition.withLock {
      guard isRunning else { return }
      let index = step % slots.count
      precondition(
        slots[index].step == step && slots[index].readers > 0,
        "step \(step) is released more often than it has consumers")
      slots[index].readers -= 1
      if slots[index].readers == 0 { condition.broadcast() }
    }
  }

  private func isCurrent(_ run: Int) -> Bool { isRunning && run == self.run }
}
