import Execution
import Replicas
import TestSupport
import Testing

/// Clocks of participants that differ by amounts that the test knows.
@Suite struct ClockOffsetTests {
  @Test(
    arguments: [
      [0], [0, 0], [0, 3_600_000_000_000, -1_000_000_000], [5_000, 0, 17, -4_000_000],
    ] as [[Int64]])
  func offsetsAreWrongByTheirUncertaintyAtMost(_ ahead: [Int64]) throws {
    let communicators = LocalCommunicator.group(participants(running: ahead.map { _ in 0..<0 }))
    let all = onWorkers(ahead.count) { participant in
      Result {
        try communicators[participant].clockOffsets {
          monotonicNanoseconds() &+ UInt64(bitPattern: ahead[participant])
        }
      }
    }
    let offsets = try #require(try all[0].get())
    #expect(offsets.nanoseconds.count == ahead.count)
    for (offset, truth) in zip(offsets.nanoseconds, ahead) {
      #expect((offset - (truth - ahead[0])).magnitude <= offsets.uncertainty)
    }
    for other in all.dropFirst() { #expect(try other.get() == nil) }
  }
}
