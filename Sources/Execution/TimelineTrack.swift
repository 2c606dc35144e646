/// Something that a thread did in a step, as it is kept while steps run.
package struct TimelineEvent: BitwiseCopyable, Hashable, Sendable {
  /// What an event is about.
  package enum Kind: String, Codable, Hashable, Sendable {
    case step, kernel, reduction, exchange, wait, data, files
  }

  /// What many events have in common.
  package struct Name: Codable, Hashable, Sendable {
    package let kind: Kind
    /// What is done: an operation of the program's, or a word for something else.
    package let operation: String
    /// For whom; empty where that is no layer.
    package let layer: String

    package init(_ kind: Kind, _ operation: String, layer: String = "") {
      self.kind = kind
      self.operation = operation
      self.layer = layer
    }
  }

  /// Of the host's monotonic clock, in nanoseconds.
  package var start: UInt64
  /// In nanoseconds.
  package var duration: UInt64
  /// How many steps were complete when this one began.
  package var step: UInt32
  /// The position of its name among the track's.
  package var name: UInt32

  package init(start: UInt64, duration: UInt64, step: UInt32, name: UInt32) {
    self.start = start
    self.duration = duration
    self.step = step
    self.name = name
  }
}

/// Everything that one thread does in some steps, for a timeline: memory for it, taken beforehand.
package final class TimelineTrack {
  /// Who the thread is.
  package let title: String
  package private(set) var names: [TimelineEvent.Name] = []
  /// For the thread.
  package let recorder: EventRecorder

  /// - Parameters:
  ///   - window: the steps that are recorded, by the number of steps that are complete when each begins.
  ///   - eventsPerStep: for how many events of each there is room; what is too much is dropped.
  package init(title: String, window: Range<Int>, eventsPerStep: Int) {
    self.title = title
    recorder = EventRecorder(window: window, capacity: window.count * eventsPerStep)
  }

  deinit { recorder.deallocate() }

  /// Adds names that follow one another.
  ///
  /// - Returns: the position of the first.
  package func add(_ names: [TimelineEvent.Name]) -> Int {
    defer { self.names += names }
    return self.names.count
  }

  /// A copy of what has been recorded, in the order in which it ended; while the thread rests.
  package var events: [TimelineEvent] { recorder.recorded }
}

/// Records what a thread does: a few stores an event, no lock, no allocation, no reference counted.
///
/// It does not own its memory, and is used by one thread.
package struct EventRecorder {
  private struct State {
    var isRecording = false
    var step: UInt32 = 0
    var count = 0
  }

  private let state: UnsafeMutablePointer<State>
  private let memory: UnsafeMutableBufferPointer<TimelineEvent>
  private let window: Range<Int>

  /// A cache line: no two threads write to the same.
  private static let alignment = 64

  fileprivate init(window: Range<Int>, capacity: Int) {
    self.window = window
    let start = UnsafeMutableRawPointer.allocate(
      byteCount: Self.alignment + capacity * MemoryLayout<TimelineEvent>.stride,
      alignment: Self.alignment)
    state = start.initializeMemory(as: State.self, to: State())
    // Written, so that no page is missing later.
    memory = UnsafeMutableBufferPointer(
      start: (start + Self.alignment).initializeMemory(
        as: TimelineEvent.self, repeating: TimelineEvent(start: 0, duration: 0, step: 0, name: 0),
        count: capacity),
      count: capacity)
  }

  fileprivate func deallocate() { UnsafeMutableRawPointer(state).deallocate() }

  fileprivate var recorded: [TimelineEvent] { Array(memory[..<state.pointee.count]) }

  /// Says which step begins: how many are complete.
  package func enter(step: Int) {
    state.pointee.isRecording = window.contains(step)
    state.pointee.step = UInt32(truncatingIfNeeded: step)
  }

  /// Whether the step is one of those that are recorded.
  @inline(__always)
  package var isRecording: Bool { state.pointee.isRecording }

  /// Records an event of the step; nothing in a step that is not recorded, or where memory is full.
  ///
  /// - Parameters:
  ///   - name: the position of its name in the track.
  ///   - start: as `monotonicNanoseconds` gave it, and so is `end`.
  @inline(__always)
  package func record(_ name: Int, from start: UInt64, to end: UInt64) {
    let count = state.pointee.count
    guard state.pointee.isRecording, count < memory.count else { return }
    memory[count] = TimelineEvent(
      start: start, duration: end - start, step: state.pointee.step,
      name: UInt32(truncatingIfNeeded: name))
    state.pointee.count = count + 1
  }
}
