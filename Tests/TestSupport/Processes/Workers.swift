import Dispatch
import Synchronization

/// Runs `body` once for each participant, each on a thread of its own, and returns their results in order.
package func onWorkers<Result: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (_ participant: Int) -> Result
) -> [Result] {
  let results = Mutex<[Int: Result]>([:])
  let done = DispatchGroup()
  // A private serial queue a worker: blocking ones on a shared concurrent queue starve.
  let queues = (0..<count).map { DispatchQueue(label: "worker \($0)") }
  for (participant, queue) in queues.enumerated() {
    queue.async(group: done) {
      let result = body(participant)
      results.withLock { $0[participant] = result }
    }
  }
  done.wait()
  return results.withLock { all in (0..<count).compactMap { all[$0] } }
}
