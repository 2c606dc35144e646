import Dispatch
import Kernels
import Synchronization
import Testing

/// What steps say of how far they have come.
struct CountingTests {
  /// Whoever sees the count sees what was written before it.
  @Test func whatWasWrittenBeforeACountIsSeenWithIt() throws {
    let counter = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: 1)
    counter.initialize(to: Atomic(1))
    nonisolated(unsafe) let written = UnsafeMutablePointer<Int>.allocate(capacity: 10_000)
    written.initialize(repeating: 0, count: 10_000)
    defer {
      counter.deinitialize(count: 1)
      counter.deallocate()
      written.deallocate()
    }
    let factory = try KernelFactory(KernelLibraries(.openBLAS))
    let call = factory.countUp(counter, by: 3)
    nonisolated(unsafe) let seen = counter
    let unseen = Mutex(0)
    let done = DispatchGroup()
    DispatchQueue(label: "reader").async(group: done) {
      for index in 0..<10_000 {
        while seen.pointee.load(ordering: .acquiring) < 1 + 3 * (index + 1) {}
        if written[index] != index + 1 { unseen.withLock { $0 += 1 } }
      }
    }
    for index in 0..<10_000 {
      written[index] = index + 1
      #expect(call.run() == 0)
    }
    done.wait()
    #expect(unseen.withLock { $0 } == 0)
    #expect(counter.pointee.load(ordering: .relaxed) == 30_001)
  }
}
