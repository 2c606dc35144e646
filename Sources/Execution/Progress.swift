import Synchronization

/// How a group tells others, while it runs, which of its partial sums are complete.
package struct Progress: @unchecked Sendable {
  // Unchecked: the counters are atomic.
  /// What follows an instruction: `amount` is added to a counter.
  package struct Mark: Hashable, Sendable {
    package let counter: Int
    package let amount: Int

    package init(counter: Int, amount: Int) {
      self.counter = counter
      self.amount = amount
    }
  }

  /// By the index of the instruction that completes a partial sum.
  package let marks: [Int: Mark]
  package let counters: UnsafeMutablePointer<Atomic<Int>>

  package init(marks: [Int: Mark], counters: UnsafeMutablePointer<Atomic<Int>>) {
    self.marks = marks
    self.counters = counters
  }
}
