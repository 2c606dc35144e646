import Execution

/// What the thread between the steps does, as a timeline shows it. The raw value is the position of
/// its name on the track.
enum MainEvent: Int, CaseIterable {
  case log, sample, save

  fileprivate var name: TimelineEvent.Name { .init(.files, "\(self)") }
}

extension TrainingRun {
  /// From now on, everything that happens in some steps is recorded.
  ///
  /// - Parameter steps: counted from 1, as in `metrics.jsonl`.
  /// - Returns: what each thread of this process records.
  func startTimeline(_ steps: ClosedRange<Int>) -> [TimelineTrack] {
    let first = steps.lowerBound - 1 + uncounted
    let window = first..<(first + steps.count)
    let main = TimelineTrack(
      title: "main", window: window, eventsPerStep: MainEvent.allCases.count)
    _ = main.add(MainEvent.allCases.map(\.name))
    mainTrack = main
    return [main] + group.startTimeline(window)
  }

  /// Records what followed the last step on the thread between the steps.
  func record(_ event: MainEvent, since start: UInt64) {
    mainTrack?.recorder.enter(step: group.completedSteps - 1)
    mainTrack?.recorder.record(event.rawValue, from: start, to: monotonicNanoseconds())
  }

  /// How many events all threads of this process record in a step, at most.
  var eventsPerStep: Int { group.eventsPerStep + MainEvent.allCases.count }
}
