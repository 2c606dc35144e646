import Dispatch
import Synchronization

/// Calls `body` with 0 ..< count on as many threads as there are cores, and waits for all.
///
/// - Returns: the errors, by their number.
func concurrently(
  _ count: Int, _ body: @Sendable (Int) throws(DatasetError) -> Void
) -> [Int: DatasetError] {
  let errors = Mutex<[Int: DatasetError]>([:])
  DispatchQueue.concurrentPerform(iterations: count) { index in
    do throws(DatasetError) {
      try body(index)
    } catch {
      errors.withLock { $0[index] = error }
    }
  }
  return errors.withLock { $0 }
}
