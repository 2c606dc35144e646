import Execution

/// What a worker does beside kernel calls, as a timeline shows it. The raw value is the position of
/// its name on the worker's track.
enum WorkerEvent: Int, CaseIterable {
  case step, data
  /// Barriers.
  case allReduce, update, endOfStep, assignment

  /// What it is called in errors.
  var operation: StaticString {
    switch self {
    case .step: "step"
    case .data: "data"
    case .allReduce: "all-reduce"
    case .update: "update"
    case .endOfStep: "end of the step"
    case .assignment: "assignment"
    }
  }

  var name: TimelineEvent.Name {
    self == .step ? .init(.step, "step") : .init(.wait, "wait: \(operation)")
  }
}

/// As `WorkerEvent`, of the messenger.
enum MessengerEvent: Int, CaseIterable {
  case step, exchange, allReduce, endOfStep

  var operation: StaticString {
    switch self {
    case .step: "step"
    case .exchange: "exchange"
    case .allReduce: "all-reduce"
    case .endOfStep: "end of the step"
    }
  }

  var name: TimelineEvent.Name {
    switch self {
    case .step: .init(.step, "step")
    case .exchange: .init(.exchange, "exchange between hosts")
    case .allReduce, .endOfStep: .init(.wait, "wait: \(operation)")
    }
  }
}

extension Worker {
  @inline(__always)
  func record(_ event: WorkerEvent, from start: UInt64, to end: UInt64) {
    recorder?.record(event.rawValue, from: start, to: end)
  }

  /// How many events a step is at most.
  fileprivate var eventCount: Int {
    variants.map { variant in
      let reduction = variant.reduction
      // A barrier in front of each round, and one after each of its phases.
      let barriers = variant.executor.plan.rounds.indices.reduce(0) {
        $0 + 1 + reduction.phaseCount(ofRound: $1)
      }
      return variant.executor.eventCount + reduction.eventCount + barriers
    }.reduce(0, max) + WorkerEvent.allCases.count
  }

  fileprivate func startTimeline(_ window: Range<Int>) -> TimelineTrack {
    let replicas =
      run.count == 1
      ? "replica \(run.lowerBound)" : "replicas \(run.lowerBound)–\(run.upperBound - 1)"
    let track = TimelineTrack(
      title: "worker \(index): \(replicas)", window: window, eventsPerStep: eventCount)
    _ = track.add(WorkerEvent.allCases.map(\.name))
    for variant in variants {
      variant.executor.record(on: track)
      variant.reduction.record(on: track)
    }
    recorder = track.recorder
    return track
  }
}

extension HostMessenger {
  func record(_ event: MessengerEvent, since start: UInt64) {
    recorder?.record(event.rawValue, from: start, to: monotonicNanoseconds())
  }

  fileprivate func startTimeline(_ window: Range<Int>) -> TimelineTrack {
    let track = TimelineTrack(title: "messenger", window: window, eventsPerStep: eventCount)
    _ = track.add(MessengerEvent.allCases.map(\.name))
    recorder = track.recorder
    return track
  }
}

extension ReplicaGroup {
  /// How many events all threads of this process record in a step, at most.
  package var eventsPerStep: Int {
    workers.reduce(messenger?.eventCount ?? 0) { $0 + $1.eventCount }
  }

  /// From now on, everything that happens in some steps is recorded.
  ///
  /// - Parameter window: the steps, by the number of steps that are complete when each begins.
  /// - Returns: what each thread records.
  package func startTimeline(_ window: Range<Int>) -> [TimelineTrack] {
    tracks = workers.map { $0.startTimeline(window) }
    if let messenger { tracks.append(messenger.startTimeline(window)) }
    return tracks
  }
}
