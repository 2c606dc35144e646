import ArgumentParser
import Training

/// Whether a timeline is made, and of which steps.
struct TimelineOptions: ParsableArguments {
  @Option(
    help: """
      A file for a timeline: what every thread of every rank does, for ui.perfetto.dev or \
      chrome://tracing.
      """)
  var timeline: String?

  @Option(
    help: """
      Which steps the timeline shows, such as 500-520 (default: the first 100; of a benchmark, \
      after its warm-up).
      """)
  var timelineSteps: StepRange?

  func validate() throws {
    if timelineSteps != nil, timeline == nil {
      throw ValidationError("'--timeline-steps' needs '--timeline <timeline>'")
    }
  }

  private static let defaultCount = 100

  /// Starts to record, where that is asked for.
  ///
  /// - Parameters:
  ///   - first: the first step by default.
  ///   - last: the run's last step.
  func start(
    _ run: TrainingRun, _ job: Job, first: Int = 1, last: Int
  ) throws -> TimelineRecorder? {
    guard let timeline else { return nil }
    let most = TimelineRecorder.mostSteps(of: run)
    let wanted =
      timelineSteps?.range ?? first...(first + min(Self.defaultCount, most) - 1)
    let steps = try job.together {
      try Failure.requireName("--timeline", timeline, of: "a file")
      try Failure.requireOption(
        "--timeline-steps", "\(wanted.lowerBound)-\(wanted.upperBound)",
        wanted.lowerBound <= last, expected: "steps of the run, which has \(last)")
      let steps = wanted.clamped(to: 1...last)
      try Failure.requireOption(
        "--timeline-steps", "\(steps.lowerBound)-\(steps.upperBound)", steps.count <= most,
        expected: "\(most) steps at most, whose records take 256 MiB")
      if job.processes.isFirst { try TimelineRecorder.requireWritable(timeline) }
      return steps
    }
    return try TimelineRecorder(run, path: timeline, steps: steps)
  }
}
