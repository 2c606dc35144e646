import Synchronization

/// One byte of state for each row, which several threads read and change.
final class RowFlags: Sendable {
  let count: Int
  nonisolated(unsafe) private let flags: UnsafeMutablePointer<Atomic<UInt8>>

  /// All are 0.
  init(count: Int) {
    self.count = count
    flags = .allocate(capacity: count)
    for row in 0..<count { (flags + row).initialize(to: Atomic(0)) }
  }

  deinit {
    flags.deinitialize(count: count)
    flags.deallocate()
  }

  subscript(row: Int) -> UInt8 {
    get { flags[row].load(ordering: .acquiring) }
    set { flags[row].store(newValue, ordering: .releasing) }
  }

  /// Changes a row's flag, and returns whether this thread was the one that did.
  func change(_ row: Int, from old: UInt8, to new: UInt8) -> Bool {
    flags[row].compareExchange(
      expected: old, desired: new, ordering: .acquiringAndReleasing
    ).exchanged
  }
}
