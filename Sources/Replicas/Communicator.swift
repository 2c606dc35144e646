/// One participant's end of a group that works on the same steps: threads of a process, or
/// processes.
///
/// Every operation is collective: all participants call the same ones in the same order. An
/// operation that not all join within the group's time-out throws in all that did, and the group
/// stays broken from then on, so that a failure ends a run instead of hanging it.
///
/// One step, with what a worker does between the barriers:
///
///     forward, backward ──▶ barrier ──▶ add own segment of all partial sums, ──▶ barrier ──▶ next step
///     (own partial sums)                update own segment of the parameters
package protocol Communicator: AnyObject, Sendable {
  /// The index of this participant.
  var participant: Int { get }
  /// The number of participants.
  var count: Int { get }

  /// Returns once all participants have arrived; what each wrote before is then visible to all.
  ///
  /// - Throws: `CommunicationError.timedOut` naming those that did not arrive, `aborted` when a participant gave up.
  func barrier(_ operation: StaticString, step: Int) throws(CommunicationError)

  /// Copies the values of participant `root` to all others. All give buffers of one length.
  func broadcast(
    _ values: UnsafeMutableBufferPointer<Float>, from root: Int, step: Int
  ) throws(CommunicationError)

  /// The values of all participants, in their order; nil in all but `root`. Lengths may differ.
  func gather(
    _ values: [Float], to root: Int, step: Int
  ) throws(CommunicationError) -> [[Float]]?

  /// Adds the partial sums of all participants along the `ReductionTree` over all replicas, and
  /// leaves the same bits in everyone's `sum`.
  ///
  /// - Parameters:
  ///   - partials: subtrees over replicas of this participant, in order; all of one length.
  ///   - sum: a buffer of that length, apart from all partial sums.
  func allReduce(
    _ partials: [PartialSum], into sum: UnsafeMutableBufferPointer<Float>, step: Int
  ) throws(CommunicationError)

  /// Ends the group: everyone who waits, or comes to wait, throws `CommunicationError.aborted`. The
  /// first reason stays.
  func abort(reason: String)
}

extension Communicator {
  /// This participant's share of `count` values: nearly equal contiguous segments of whole cache
  /// lines (16 floats), the last with the rest.
  package func segment(of count: Int) -> Range<Int> {
    let lineLength = 16
    let lines = (count + lineLength - 1) / lineLength
    let bound = { (index: Int) in min(lines * index / self.count * lineLength, count) }
    return bound(participant)..<bound(participant + 1)
  }

  /// The sum of one array a participant, along the tree over the participants.
  package func allReduce(_ values: [Float], step: Int) throws(CommunicationError) -> [Float] {
    let partial = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
    let sum = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
    defer {
      partial.deallocate()
      sum.deallocate()
    }
    _ = partial.initialize(from: values)
    sum.initialize(repeating: 0)
    let own = PartialSum(
      replicas: participant..<participant + 1, values: UnsafeBufferPointer(partial))
    try allReduce([own], into: sum, step: step)
    return Array(sum)
  }
}

/// The sum of a value over some replicas. It does not own its memory.
package struct PartialSum: @unchecked Sendable {
  /// The replicas below one node of the `ReductionTree`.
  package let replicas: Range<Int>
  package let values: UnsafeBufferPointer<Float>

  package init(replicas: Range<Int>, values: UnsafeBufferPointer<Float>) {
    self.replicas = replicas
    self.values = values
  }
}

/// Why a collective operation ended without its result.
package enum CommunicationError: Error, Hashable, CustomStringConvertible {
  /// A worker and the replicas that it runs.
  package struct Participant: Hashable, Sendable, CustomStringConvertible {
    package let index: Int
    package let replicas: Range<Int>

    package init(index: Int, replicas: Range<Int>) {
      self.index = index
      self.replicas = replicas
    }

    package var description: String {
      let names =
        replicas.count == 1
        ? "replica \(replicas.lowerBound)"
        : "replicas \(replicas.lowerBound) to \(replicas.upperBound - 1)"
      return "worker \(index) (\(names))"
    }
  }

  /// `missing` did not come to the operation within the time-out.
  case timedOut(operation: String, step: Int, missing: [Participant], timeout: Duration)
  /// A participant gave up.
  case aborted(by: Participant, reason: String)

  package var description: String {
    switch self {
    case .timedOut(let operation, let step, let missing, let timeout):
      let names = missing.map(\.description).joined(separator: ", ")
      return "\(names) did not arrive at \(operation) of step \(step) within \(timeout)"
    case .aborted(let participant, let reason):
      return "\(participant) ended the run: \(reason)"
    }
  }
}
