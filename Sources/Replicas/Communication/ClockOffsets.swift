import Execution

/// How far the participants' clocks are ahead of participant 0's, in nanoseconds.
package struct ClockOffsets: Sendable {
  package let nanoseconds: [Int64]
  /// No offset is wrong by more, but for what the clocks have drifted since.
  package let uncertainty: UInt64
}

extension Communicator {
  /// Compares everyone's clock with participant 0's; collective. Participant 0 calls the others and
  /// hears from each what its clock said when the call came. They all did that between the call and
  /// the last answer, so the middle of the two is wrong by half of that at most. Of some rounds the
  /// shortest counts (Cristian 1989).
  ///
  /// - Parameter clock: this participant's, in nanoseconds.
  /// - Returns: nil in all but participant 0.
  package func clockOffsets(
    rounds: Int = 50, clock: () -> UInt64 = monotonicNanoseconds
  ) throws(CommunicationError) -> ClockOffsets? {
    var best: ClockOffsets?
    for _ in 0..<rounds {
      let call = clock()
      _ = try broadcast([UInt8(0)], from: 0, step: 0)
      guard let readings = try gather([clock()], to: 0, step: 0)?.joined() else { continue }
      let half = (clock() - call) / 2
      if half < best?.uncertainty ?? .max {
        best = ClockOffsets(
          nanoseconds: readings.enumerated().map { participant, reading in
            participant == 0 ? 0 : Int64(bitPattern: reading &- (call + half))
          }, uncertainty: half)
      }
    }
    return best
  }
}
