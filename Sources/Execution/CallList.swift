import Glibc
import Kernels

/// Where a kernel call comes from: for messages, and for what it costs.
struct CallOrigin {
  var layer: String
  var operation: String
  var floatingPointOperations = 0
  /// Bytes read and written once by an ideal machine.
  var bytes = 0
}

/// What the calls of one operation of a layer took, all together.
package struct CallTime: Sendable {
  package let layer: String
  package let operation: String
  package fileprivate(set) var nanoseconds: UInt64
  package fileprivate(set) var floatingPointOperations: Int
  package fileprivate(set) var bytes: Int

  /// The times of the same layer and operation added up.
  package static func merged(_ times: [CallTime]) -> [CallTime] {
    var positions: [String: Int] = [:]
    var merged: [CallTime] = []
    for time in times {
      let key = "\(time.layer) \(time.operation)"
      guard let position = positions[key] else {
        positions[key] = merged.count
        merged.append(time)
        continue
      }
      merged[position].nanoseconds += time.nanoseconds
      merged[position].floatingPointOperations += time.floatingPointOperations
      merged[position].bytes += time.bytes
    }
    return merged
  }
}

/// Kernel calls in order.
final class CallList {
  private let calls: UnsafeMutableBufferPointer<KernelCall>
  private let origins: [CallOrigin]
  /// What the calls do together; nil where that is nothing in particular.
  private let title: String?
  /// The nanoseconds of each call, where they are taken.
  private var nanoseconds: UnsafeMutableBufferPointer<UInt64>?
  private var runs = 0
  private var recorder: EventRecorder?
  /// The position of the first call's name on the timeline; the title's follows the last one's.
  private var firstName = 0

  init(_ calls: [(call: KernelCall, origin: CallOrigin)], title: String? = nil) {
    self.title = title
    self.calls = .allocate(capacity: calls.count)
    _ = self.calls.initialize(from: calls.map(\.call))
    origins = calls.map(\.origin)
  }

  deinit {
    calls.deallocate()
    nanoseconds?.deallocate()
  }

  var isEmpty: Bool { calls.isEmpty }

  func run() throws(ExecutionError) {
    if nanoseconds != nil || recorder?.isRecording == true { return try runTimed() }
    for index in 0..<calls.count {
      let code = calls[index].run()
      if code != 0 { throw failure(code, index) }
    }
  }

  /// As `run`, with a look at what has been written before the first call and after each.
  func run(_ look: (_ callCount: Int) -> Void) throws(ExecutionError) {
    look(0)
    for index in 0..<calls.count {
      let code = calls[index].run()
      if code != 0 { throw failure(code, index) }
      look(index + 1)
    }
  }

  private func runTimed() throws(ExecutionError) {
    let (nanoseconds, recorder, firstName) = (nanoseconds, recorder, firstName)
    let first = monotonicNanoseconds()
    var start = first
    for index in 0..<calls.count {
      let code = calls[index].run()
      if code != 0 { throw failure(code, index) }
      let end = monotonicNanoseconds()
      nanoseconds?[index] += end - start
      recorder?.record(firstName + index, from: start, to: end)
      start = end
    }
    if title != nil { recorder?.record(firstName + calls.count, from: first, to: start) }
    runs += 1
  }

  /// How many events a run is on a timeline.
  var eventCount: Int { calls.count + (title == nil ? 0 : 1) }

  /// From now on, calls are recorded.
  func record(on track: TimelineTrack) {
    firstName = track.add(
      origins.map { TimelineEvent.Name(.kernel, $0.operation, layer: $0.layer) }
        + (title.map { [TimelineEvent.Name(.reduction, $0)] } ?? []))
    recorder = track.recorder
  }

  func startProfile() {
    if nanoseconds == nil { nanoseconds = .allocate(capacity: calls.count) }
    nanoseconds?.update(repeating: 0)
    runs = 0
  }

  var times: [CallTime] {
    guard let nanoseconds else { return [] }
    return zip(origins, nanoseconds).map { origin, time in
      CallTime(
        layer: origin.layer, operation: origin.operation, nanoseconds: time,
        floatingPointOperations: origin.floatingPointOperations * runs, bytes: origin.bytes * runs)
    }
  }

  private func failure(_ code: Int32, _ index: Int) -> ExecutionError {
    .failedCall(code: code, operation: origins[index].operation, layer: origins[index].layer)
  }
}

/// The monotonic clock in nanoseconds.
package func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
