import Execution
import Foundation
import Replicas
import RunConfiguration
import RunFiles

/// Records what every thread of a run does in some of its steps, and writes it into one file.
///
/// Every process of a run records; the first one writes.
package struct TimelineRecorder {
  /// The most memory for the records of all processes: 11 million events, which are some 1.5 GB of
  /// JSON.
  private static let mostBytes = 256 << 20

  /// What the file says of itself.
  private struct Details: Encodable {
    let program = "selfgan"
    let version = programVersion
    let model: String
    let replicas: Int
    let processes: Int
    /// Of each process.
    let threads: Int
    let reduction: String
    let firstStep: Int
    let lastStep: Int
    /// By how much the times of other hosts may be wrong; nil of one host.
    let clockUncertaintyMicroseconds: Double?
  }

  private let run: TrainingRun
  private let path: String
  private let steps: ClosedRange<Int>
  private let tracks: [TimelineTrack]
  /// Of the processes; nil where all have the same clock.
  private let clocks: ClockOffsets?

  /// Makes sure that a timeline can be put at `path`.
  package static func requireWritable(_ path: String) throws(TrainingError) {
    do throws(RunFileError) { try OutputFile.requireWritable(path) } catch { throw .file(error) }
  }

  /// Starts to record. Collective.
  ///
  /// - Parameters:
  ///   - path: the file, which `finish` writes.
  ///   - steps: counted from 1, as in `metrics.jsonl`; not more than `mostSteps`.
  /// - Throws: `TrainingError.replicas(.communication)`
  package init(
    _ run: TrainingRun, path: String, steps: ClosedRange<Int>
  ) throws(TrainingError) {
    self.run = run
    self.path = path
    self.steps = steps
    do throws(CommunicationError) {
      clocks =
        run.processes.hosts.count > 1 ? try run.processes.communicator.clockOffsets() : nil
    } catch { throw .replicas(.communication(error)) }
    tracks = run.startTimeline(steps)
  }

  /// How many steps of a run can be recorded.
  package static func mostSteps(of run: TrainingRun) -> Int {
    let perStep =
      run.eventsPerStep * MemoryLayout<TimelineEvent>.stride * run.processes.count
    return max(1, mostBytes / perStep)
  }

  /// Writes what all processes have recorded. Collective; between steps.
  package func finish() throws(TrainingError) {
    let own = Threads(tracks)
    let everyones: (threads: [[UInt8]], events: [[TimelineEvent]])?
    do throws(CommunicationError) {
      let communicator = run.processes.communicator
      let threads = try communicator.gather(own.description, to: 0, step: run.completedSteps)
      let events = try communicator.gather(own.events, to: 0, step: run.completedSteps)
      everyones = threads.flatMap { threads in events.map { (threads, $0) } }
    } catch { throw .replicas(.communication(error)) }
    guard let everyones else { return }
    try write(
      zip(everyones.threads, everyones.events).enumerated().map { ($0, Threads($1.0, $1.1)) })
  }

  /// Writes what this process has recorded, if it is the first: where a run has failed, the others
  /// can no longer be asked.
  package func finishAlone() throws(TrainingError) {
    if run.processes.isFirst { try write([(0, Threads(tracks))]) }
  }

  private func write(_ all: [(process: Int, threads: Threads)]) throws(TrainingError) {
    let configuration = run.configuration
    let file = TimelineFile(
      processes: all.map { process, threads in
        let identity = run.processes.identities?[process]
        return TimelineFile.Process(
          title: identity.map { "rank \($0.rank) on \($0.host)" } ?? "selfgan",
          rank: identity?.rank ?? 0, clockOffset: clockOffset(of: process),
          threads: threads.all)
      },
      details: Details(
        model: configuration.model.kind.rawValue,
        replicas: configuration.replicas, processes: run.placement.ranks,
        threads: run.placement.threads, reduction: configuration.reduction.rawValue,
        firstStep: steps.lowerBound, lastStep: steps.upperBound,
        clockUncertaintyMicroseconds: clocks.map { Double($0.uncertainty) / 1000 }),
      stepNumber: 1 - run.uncounted)
    do throws(RunFileError) { try file.write(to: path) } catch { throw .file(error) }
  }

  /// The processes of a host have the same clock.
  private func clockOffset(of process: Int) -> Int64 {
    let host = run.processes.hosts.first { $0.contains(process) }
    return host.flatMap { clocks?.nanoseconds[$0.lowerBound] } ?? 0
  }
}

/// What the threads of a process have recorded, in a form that can be sent.
private struct Threads {
  private struct Description: Codable {
    let title: String
    let names: [TimelineEvent.Name]
    let eventCount: Int
  }

  private let descriptions: [Description]
  /// Those of all threads, one after the other.
  let events: [TimelineEvent]

  init(_ tracks: [TimelineTrack]) {
    let events = tracks.map(\.events)
    descriptions = zip(tracks, events).map {
      Description(title: $0.title, names: $0.names, eventCount: $1.count)
    }
    self.events = events.flatMap { $0 }
  }

  /// - Parameter description: as another process made it.
  init(_ description: [UInt8], _ events: [TimelineEvent]) {
    descriptions = (try? JSONDecoder().decode([Description].self, from: Data(description))) ?? []
    self.events = events
  }

  /// All but the events.
  var description: [UInt8] {
    (try? JSONEncoder().encode(descriptions)).map { Array($0) } ?? []
  }

  var all: [TimelineFile.Thread] {
    var rest = events[...]
    return descriptions.map { thread in
      defer { rest = rest.dropFirst(thread.eventCount) }
      return TimelineFile.Thread(
        title: thread.title, names: thread.names, events: Array(rest.prefix(thread.eventCount)))
    }
  }
}
