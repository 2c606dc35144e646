import Foundation

/// A timeline as an independent reader sees it.
package struct TimelineContents {
  package struct Event {
    package let process: Int
    package let thread: Int
    package let name: String
    package let kind: String
    package let layer: String?
    package let step: Int
    /// In microseconds.
    package let start: Double
    package let duration: Double

    package var end: Double { start + duration }
  }

  /// A process and a thread in it.
  package struct Thread: Hashable {
    package let process: String
    package let thread: String

    package init(process: String, thread: String) {
      self.process = process
      self.thread = thread
    }
  }

  package struct Malformed: Error {
    package let what: String
  }

  /// The names of each process's threads, in the order in which they are to be shown.
  package let threads: [Thread]
  /// Those of each thread, in the file's order.
  package let events: [Thread: [Event]]
  package let details: [String: Any]

  package init(_ data: Data) throws {
    guard
      let object = try JSONSerialization.jsonObject(with: data) as? [String: Any],
      let all = object["traceEvents"] as? [[String: Any]],
      object["displayTimeUnit"] as? String == "ms",
      let details = object["otherData"] as? [String: Any]
    else { throw Malformed(what: "the file") }
    self.details = details

    var processes: [Int: (name: String?, position: Int?)] = [:]
    var threads: [[Int]: (name: String?, position: Int?)] = [:]
    var events: [[Int]: [Event]] = [:]
    for line in all {
      guard let process = line["pid"] as? Int, let thread = line["tid"] as? Int,
        let name = line["name"] as? String, let arguments = line["args"] as? [String: Any]
      else { throw Malformed(what: "\(line)") }
      switch (line["ph"] as? String, name) {
      case ("M", "process_name"):
        processes[process, default: (nil, nil)].name = arguments["name"] as? String
      case ("M", "process_sort_index"):
        processes[process, default: (nil, nil)].position = arguments["sort_index"] as? Int
      case ("M", "thread_name"):
        threads[[process, thread], default: (nil, nil)].name = arguments["name"] as? String
      case ("M", "thread_sort_index"):
        threads[[process, thread], default: (nil, nil)].position = arguments["sort_index"] as? Int
      case ("X", _):
        guard let start = line["ts"] as? Double, let duration = line["dur"] as? Double,
          let kind = line["cat"] as? String, let step = arguments["step"] as? Int
        else { throw Malformed(what: "\(line)") }
        events[[process, thread], default: []].append(
          Event(
            process: process, thread: thread, name: name, kind: kind,
            layer: arguments["layer"] as? String, step: step, start: start, duration: duration))
      default: throw Malformed(what: "\(line)")
      }
    }
    var named: [[Int]: Thread] = [:]
    for (key, thread) in threads {
      guard let process = processes[key[0]]?.name, let name = thread.name else {
        throw Malformed(what: "thread \(key) has no name")
      }
      named[key] = Thread(process: process, thread: name)
    }
    if let stray = events.keys.first(where: { named[$0] == nil }) {
      throw Malformed(what: "thread \(stray) has no name")
    }
    func rank(_ key: [Int]) -> (Int, Int) {
      (processes[key[0]]?.position ?? .max, threads[key]?.position ?? .max)
    }
    self.threads = named.keys.sorted { rank($0) < rank($1) }.compactMap { named[$0] }
    self.events = Dictionary(
      uniqueKeysWithValues: events.compactMap { key, events in named[key].map { ($0, events) } })
  }

  /// What is wrong with a thread's events: each must lie within the one that it begins in, and they
  /// must be in the order of their starts.
  package func disorder(of thread: Thread) -> [String] {
    var problems: [String] = []
    var open: [Event] = []
    var last = -Double.infinity
    // Sums of thousandths, which are no binary numbers.
    let rounding = 1e-6
    for event in events[thread] ?? [] {
      if event.start < last { problems.append("\(event) begins before the one in front of it") }
      last = event.start
      while let outer = open.last, outer.end <= event.start + rounding { open.removeLast() }
      if let outer = open.last, event.end > outer.end + rounding {
        problems.append("\(event) outlives \(outer)")
      }
      open.append(event)
    }
    return problems
  }

  /// The steps of a thread, and of each the microseconds that its kernel calls and waits take.
  package func steps(of thread: Thread) -> [(step: Event, within: Double)] {
    let all = events[thread] ?? []
    return all.filter { $0.kind == "step" }.map { step in
      (
        step,
        all.filter {
          $0.step == step.step && ["kernel", "wait", "exchange"].contains($0.kind)
        }.reduce(0) { $0 + $1.duration }
      )
    }
  }
}
