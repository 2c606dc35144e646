import Execution
import Kernels
import Synchronization

/// A barrier for participants who see the same memory, threads of one process or of several on one
/// host: it spins, then sleeps, and breaks for good when someone is missing.
///
/// All of its state lies in that memory. The last to arrive completes a barrier by counting up a
/// word on which the others wait; whoever breaks the group sets the word's lowest bit. Both are one
/// compare-and-exchange, so that a barrier either completes for all or breaks for all, and there is
/// no lock that a process could take with it when it is killed.
package final class Rendezvous: @unchecked Sendable {
  package let participants: [CommunicationError.Participant]
  /// A participant who waits for others elsewhere before it arrives: it says itself who is missing
  /// there, as long as it gives signs of life.
  private let messenger: Int?
  private let timeout: Duration
  private let spins: Int
  private let memory: AlignedBuffer
  private let start: UnsafeMutableRawPointer

  /// - Parameters:
  ///   - messenger: the participant who waits for others elsewhere, if there is one.
  ///   - timeout: how long a participant waits for the others at one barrier.
  ///   - spins: how often it looks before it sleeps; 0 where there are more participants than cores.
  ///   - memory: zeros that all participants see, `floatCount(participants:)` of them.
  package init(
    _ participants: [CommunicationError.Participant], messenger: Int? = nil, timeout: Duration,
    spins: Int, memory: AlignedBuffer
  ) {
    precondition(!participants.isEmpty, "a group has at least one participant")
    precondition(memory.count >= Self.floatCount(participants: participants.count))
    self.participants = participants
    self.messenger = messenger
    self.timeout = timeout
    self.spins = spins
    self.memory = memory
    start = UnsafeMutableRawPointer(memory.pointer)
  }

  /// How often to look before sleeping: with more participants than cores, the one who is missing
  /// needs the core.
  package static func spins(participants: Int, cores: Int) -> Int {
    participants <= cores ? 20_000 : 0
  }

  // MARK: - Memory

  private static let lineLength = 64
  /// What is kept of a failure: its kind, the length of its text, and the text.
  private static let recordLength = 2048

  package static func floatCount(participants: Int) -> Int {
    (3 * lineLength + participants * (lineLength + recordLength)) / MemoryLayout<Float>.stride
  }

  private func word(line: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    (start + line * Self.lineLength).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// Twice the number of completed barriers; plus 1 once the group is broken.
  private var state: UnsafeMutablePointer<Atomic<UInt32>> { word(line: 0) }
  /// How many have arrived at the barrier that is under way.
  private var arrived: UnsafeMutablePointer<Atomic<UInt32>> { word(line: 1) }
  /// How many sleep, or are about to.
  private var sleepers: UnsafeMutablePointer<Atomic<UInt32>> { word(line: 1) + 1 }
  /// Who broke the group, counted from 1.
  private var breaker: UnsafeMutablePointer<Atomic<UInt32>> { word(line: 2) }
  /// The messenger's signs of life.
  private var pulse: UnsafeMutablePointer<Atomic<UInt32>> { word(line: 2) + 1 }
  /// The state that each participant waits to see; who is behind is missing.
  private func goal(_ participant: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    word(line: 3 + participant)
  }
  private func record(_ participant: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: start + (3 + participants.count) * Self.lineLength + participant * Self.recordLength,
      count: Self.recordLength)
  }

  // MARK: - Barrier

  /// Arrives, and returns when all have; what each wrote before is then visible to all.
  ///
  /// - Throws: `CommunicationError.timedOut` naming those that did not arrive, `aborted` when a participant gave up.
  package func wait(
    _ participant: Int, _ operation: StaticString, step: Int
  ) throws(CommunicationError) {
    let before = state.pointee.load(ordering: .acquiring)
    if Self.isBroken(before) { throw reason() }
    goal(participant).pointee.store(before &+ 2, ordering: .releasing)
    let count = arrived.pointee.add(1, ordering: .acquiringAndReleasing).newValue
    if count == participants.count {
      arrived.pointee.store(0, ordering: .relaxed)
      if move(from: before, to: before &+ 2) { return }
    } else {
      for _ in 0..<spins {
        if state.pointee.load(ordering: .acquiring) != before { break }
        Machine.pause()
      }
      sleep(participant, while: before, operation, step)
    }
    if state.pointee.load(ordering: .acquiring) == before | 1 { throw reason() }
  }

  /// Breaks the group, unless it is broken already; everyone who waits, or comes to wait, throws `error`.
  package func fail(_ error: CommunicationError, by participant: Int) {
    let isFirst = breaker.pointee.compareExchange(
      expected: 0, desired: UInt32(participant + 1), ordering: .acquiringAndReleasing
    ).exchanged
    if isFirst {
      write(error, to: record(participant))
    } else {
      // Unless it was killed meanwhile, the first is about to break the group.
      let current = state.pointee.load(ordering: .acquiring)
      if !Self.isBroken(current) {
        Machine.sleep(while: state, is: current, atMost: .milliseconds(100))
      }
    }
    while true {
      let current = state.pointee.load(ordering: .acquiring)
      if Self.isBroken(current) || move(from: current, to: current | 1) { return }
    }
  }

  /// A sign of life of the messenger's, while it waits for others elsewhere.
  ///
  /// - Throws: why the group is broken, if it is.
  package func beat() throws(CommunicationError) {
    if let failure { throw failure }
    pulse.pointee.add(1, ordering: .relaxed)
  }

  /// Why the group is broken, if it is.
  package var failure: CommunicationError? {
    Self.isBroken(state.pointee.load(ordering: .acquiring)) ? reason() : nil
  }

  private static func isBroken(_ state: UInt32) -> Bool { state & 1 == 1 }

  private func move(from old: UInt32, to new: UInt32) -> Bool {
    let moved = state.pointee.compareExchange(
      expected: old, desired: new, ordering: .sequentiallyConsistent
    ).exchanged
    if moved, sleepers.pointee.load(ordering: .sequentiallyConsistent) > 0 {
      Machine.wakeAll(state)
    }
    return moved
  }

  /// Waits in slices, of which each counts as long as it should have been: while the whole process
  /// is stopped, or the machine sleeps, nobody is late.
  private func sleep(
    _ participant: Int, while before: UInt32, _ operation: StaticString, _ step: Int
  ) {
    if state.pointee.load(ordering: .acquiring) != before { return }
    let slice = min(timeout / 8, .seconds(1))
    var remaining = timeout
    var lastBeats = pulse.pointee.load(ordering: .relaxed)
    sleepers.pointee.add(1, ordering: .sequentiallyConsistent)
    defer { sleepers.pointee.subtract(1, ordering: .sequentiallyConsistent) }
    while state.pointee.load(ordering: .sequentiallyConsistent) == before {
      let start = ContinuousClock.now
      Machine.sleep(while: state, is: before, atMost: slice)
      remaining -= min(ContinuousClock.now - start, slice)
      if remaining > .zero { continue }
      var missing = participants.filter {
        goal($0.index).pointee.load(ordering: .acquiring) == before
      }
      if missing.isEmpty { continue }
      if missing.map(\.index) == messenger.map({ [$0] }) {
        let beats = pulse.pointee.load(ordering: .relaxed)
        if beats != lastBeats {
          lastBeats = beats
          remaining = timeout
          continue
        }
      } else {
        missing.removeAll { $0.index == messenger }
      }
      fail(
        .timedOut(
          operation: operation.description, step: step, missing: missing, timeout: timeout),
        by: participant)
    }
  }

  // MARK: - Failures in memory that processes share

  private enum Kind: UInt32 {
    case timedOut, aborted, other
  }

  /// One line each: for a time-out the operation, the step and the missing; otherwise who gave up,
  /// and then the reason.
  private func write(_ error: CommunicationError, to record: UnsafeMutableRawBufferPointer) {
    let kind: Kind
    let text: String
    switch error {
    case .timedOut(let operation, let step, let missing, _)
    where missing.allSatisfy {
      participants.indices.contains($0.index) && participants[$0.index] == $0
    }:
      kind = .timedOut
      let indices = missing.map { "\($0.index)" }.joined(separator: ",")
      text = "\(operation)\n\(step)\n\(indices)"
    case .aborted(let participant, let reason):
      kind = .aborted
      text = "\(participant.index)\n\(reason)"
    case .timedOut, .reported, .library, .sharedMemory, .disagreement:
      kind = .other
      text = error.description
    }
    let bytes = Array(text.utf8.prefix(record.count - 8))
    record.storeBytes(of: kind.rawValue, as: UInt32.self)
    record.storeBytes(of: UInt32(bytes.count), toByteOffset: 4, as: UInt32.self)
    UnsafeMutableRawBufferPointer(rebasing: record[8...]).copyBytes(from: bytes)
  }

  private func reason() -> CommunicationError {
    let index = Int(breaker.pointee.load(ordering: .acquiring)) - 1
    guard participants.indices.contains(index) else { return .reported("the group is broken") }
    let record = record(index)
    let count = min(Int(record.load(fromByteOffset: 4, as: UInt32.self)), record.count - 8)
    let text = String(decoding: record[8..<(8 + count)], as: UTF8.self)
    switch Kind(rawValue: record.load(as: UInt32.self)) {
    case .timedOut:
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      guard lines.count == 3, let step = Int(lines[1]) else { return .reported(text) }
      return .timedOut(
        operation: String(lines[0]), step: step,
        missing: lines[2].split(separator: ",").compactMap { Int($0) }.filter {
          participants.indices.contains($0)
        }.map { participants[$0] }, timeout: timeout)
    case .aborted:
      let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      guard lines.count == 2, let index = Int(lines[0]), participants.indices.contains(index)
      else { return .reported(text) }
      return .aborted(by: participants[index], reason: String(lines[1]))
    case .other, nil:
      return .reported(text)
    }
  }
}
