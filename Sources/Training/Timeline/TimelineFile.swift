import Execution
import Foundation
import RunFiles

/// A timeline in the Trace Event Format of Chrome, which Perfetto and chrome://tracing open:
/// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
///
/// Processes are ranks, threads are workers. Times are microseconds since the earliest event.
package struct TimelineFile {
  package struct Thread {
    let title: String
    let names: [TimelineEvent.Name]
    let events: [TimelineEvent]

    package init(title: String, names: [TimelineEvent.Name], events: [TimelineEvent]) {
      self.title = title
      self.names = names
      self.events = events
    }
  }

  package struct Process {
    let title: String
    let rank: Int
    let clockOffset: Int64
    let threads: [Thread]

    /// - Parameters:
    ///   - rank: the launcher's number for it.
    ///   - clockOffset: how far its clock is ahead, in nanoseconds.
    package init(title: String, rank: Int, clockOffset: Int64, threads: [Thread]) {
      self.title = title
      self.rank = rank
      self.clockOffset = clockOffset
      self.threads = threads
    }
  }

  private let processes: [Process]
  private let details: any Encodable
  private let stepNumber: Int

  /// - Parameters:
  ///   - details: what the file says of itself.
  ///   - stepNumber: the number of the step that began when none was complete.
  package init(processes: [Process], details: some Encodable, stepNumber: Int) {
    self.processes = processes
    self.details = details
    self.stepNumber = stepNumber
  }

  package func write(to path: String) throws(RunFileError) {
    try OutputFile.writeAtomically(to: path) { (file) throws(RunFileError) in
      try file.write("{\"traceEvents\":[")
      var separator = "\n"
      for (index, process) in processes.enumerated() {
        for line in metadata(process, index) {
          try file.write("\(separator)\(line)")
          separator = ",\n"
        }
      }
      let zero = processes.flatMap { process in
        process.threads.flatMap(\.events).map { time($0, process) }
      }.min()
      for process in processes {
        for (index, thread) in process.threads.enumerated() {
          try write(thread, Identity(process, thread: index), since: zero ?? 0, process, to: file)
        }
      }
      try file.write(
        "\n],\n\"displayTimeUnit\":\"ms\",\"otherData\":\(Self.json(details))}\n")
    }
  }

  /// Numbers of a process and a thread. Perfetto takes 0 for the idle thread of a processor.
  private struct Identity {
    let process: Int
    let thread: Int

    init(_ process: Process, thread: Int = 0) {
      self.process = process.rank + 1
      self.thread = thread + 1
    }

    var json: String { "\"pid\":\(process),\"tid\":\(thread)" }
  }

  /// Names and order of a process and its threads.
  private func metadata(_ process: Process, _ position: Int) -> [String] {
    func line(_ name: String, _ arguments: String, thread: Int = 0) -> String {
      "{\"ph\":\"M\",\(Identity(process, thread: thread).json),\"name\":\"\(name)\",\"args\":"
        + "{\(arguments)}}"
    }
    return [
      line("process_name", "\"name\":\(Self.json(process.title))"),
      line("process_sort_index", "\"sort_index\":\(position)"),
    ]
      + process.threads.enumerated().flatMap { index, thread in
        [
          line("thread_name", "\"name\":\(Self.json(thread.title))", thread: index),
          line("thread_sort_index", "\"sort_index\":\(index)", thread: index),
        ]
      }
  }

  private func write(
    _ thread: Thread, _ identity: Identity, since zero: Int64, _ process: Process,
    to file: OutputFile
  ) throws(RunFileError) {
    // What all events of a name end with.
    let ends = thread.names.map { name in
      (name.layer.isEmpty ? "" : ",\"layer\":\(Self.json(name.layer))")
        + "},\"name\":\(Self.json(name.operation)),\"cat\":\"\(name.kind.rawValue)\","
        + identity.json + "}"
    }
    // Those that contain others in front of these.
    let events = thread.events.sorted {
      ($0.start, $1.duration) < ($1.start, $0.duration)
    }
    for event in events {
      let start = UInt64(max(0, time(event, process) &- zero))
      try file.write(
        ",\n{\"ph\":\"X\",\"ts\":\(Self.microseconds(start)),"
          + "\"dur\":\(Self.microseconds(event.duration)),"
          + "\"args\":{\"step\":\(Int(event.step) + stepNumber)\(ends[Int(event.name)])")
    }
  }

  /// When an event began, by the first process's clock.
  private func time(_ event: TimelineEvent, _ process: Process) -> Int64 {
    Int64(truncatingIfNeeded: event.start) &- process.clockOffset
  }

  /// Without rounding: a thousand nanoseconds each.
  private static func microseconds(_ nanoseconds: UInt64) -> String {
    let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1000)
    return "\(whole).\(rest < 100 ? "0" : "")\(rest < 10 ? "0" : "")\(rest)"
  }

  /// Texts and finite numbers can always be written.
  private static func json(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
  }
}
