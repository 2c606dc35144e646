import Execution
import Replicas
import RunFiles

/// A step after which something is not finite any more.
package struct NonFiniteStep: Codable, Sendable, Comparable {
  /// Counted once it is complete.
  package let step: Int
  /// What is not finite: a loss, or a variable.
  package let symptom: String

  package static func < (a: NonFiniteStep, b: NonFiniteStep) -> Bool { a.step < b.step }
}

/// Numbers that are not finite any more: found by all processes together, traced to the operation that made the first
/// one, and, where that is wished, stepped over.
extension TrainingRun {
  /// Whether something is not finite, in any process. Collective.
  ///
  /// - Parameters:
  ///   - loss: what this process's last steps gave.
  ///   - looksAtVariables: also at parameters, moments and the replicas' states, and thereby at gradients, whose infinities Adam
  ///     keeps.
  /// - Returns: the first such step that is known.
  /// - Complexity: O(variables) where they are looked at
  package func nonFiniteStep(
    _ loss: ReplicaError?, looksAtVariables: Bool
  ) throws(TrainingError) -> NonFiniteStep? {
    var own: NonFiniteStep?
    if case .nonFinite(let step, _, _, _) = loss, let loss {
      own = NonFiniteStep(step: step, symptom: "\(loss)")
    } else if looksAtVariables, let variable = store.firstNonFinite {
      let number = variable.number.isNaN ? .nan : variable.number
      let owner = variable.replicas.map { " of replica \($0.lowerBound)" } ?? ""
      own = NonFiniteStep(
        step: completedSteps,
        symptom: "\(variable.value)\(owner) is \(number) after step \(completedSteps)")
    }
    return try communicating { (communicator, step) throws(CommunicationError) in
      try communicator.first(own, step: step)
    }
  }

  /// The operation that made the first number that is not finite. Collective; leaves the run somewhere before.
  ///
  /// The steps are run again from a state that was good, until the one is found after which something is not finite; and that
  /// one once more, looking at all that is written in it.
  ///
  /// - Parameters:
  ///   - bad: a step after which something is known not to be finite.
  ///   - good: the state after an earlier step; in the first process.
  ///   - isInterrupted: asked now and then, in all processes alike.
  /// - Returns: the first such step, and a sentence that names it, the replica, the operation and what it made; nil where the
  ///   search was interrupted.
  func origin(
    of bad: NonFiniteStep, since good: Checkpoint?,
    unless isInterrupted: () throws(TrainingError) -> Bool
  ) throws(TrainingError) -> (step: Int, sentence: String)? {
    try restore(good, from: "memory")
    // A loss shows at once what its own step or the one before has made.
    let start = completedSteps
    guard let early = try repeated(to: bad.step - 2, unless: isInterrupted) else { return nil }
    if completedSteps > start, try nonFiniteStep(early.loss, looksAtVariables: true) != nil {
      try restore(good, from: "memory")
    }
    var found: NonFiniteStep?
    while found == nil, completedSteps < bad.step {
      guard let step = try repeated(to: completedSteps + 1, unless: isInterrupted) else {
        return nil
      }
      found = try nonFiniteStep(step.loss, looksAtVariables: true)
    }
    guard let found else { return (bad.step, bad.symptom) }
    try restore(good, from: "memory")
    guard try repeated(to: found.step - 1, unless: isInterrupted) != nil else { return nil }
    let own: NonFiniteOrigin?
    do throws(ReplicaError) { own = try group.runExamined(batches: batches) } catch {
      throw .replicas(error)
    }
    let origin = try communicating { (communicator, _) throws(CommunicationError) in
      try communicator.first(own, step: found.step)
    }
    return (
      found.step,
      [found.symptom, origin?.sentence(step: found.step)].compactMap { $0 }.joined(separator: "; ")
    )
  }

  /// Runs steps again, whose measurements are written already.
  ///
  /// - Parameter end: the completed steps at the end; nothing is done where they are now as many, or more.
  /// - Returns: the first loss of this process's replicas that is not finite; nil where it was interrupted before the end.
  private func repeated(
    to end: Int, unless isInterrupted: () throws(TrainingError) -> Bool
  ) throws(TrainingError) -> Repetition? {
    var first: ReplicaError?
    while completedSteps < end {
      if try isInterrupted() { return nil }
      let steps = min(Repetition.stretch, end - completedSteps)
      let loss = try attempt(steps: steps, measures: false)
      first = first ?? loss
    }
    return Repetition(loss: first)
  }

  private struct Repetition {
    /// The first that is not finite.
    let loss: ReplicaError?

    /// Steps before somebody may interrupt: of the largest networks, some seconds' worth.
    static let stretch = 4
  }

  /// Leaves a step out: it counts, and changes nothing. Collective.
  ///
  /// - Parameters:
  ///   - good: the state after an earlier step; in the first process.
  ///   - isInterrupted: asked now and then, in all processes alike.
  /// - Returns: whether it is left out; if not, because that was interrupted, the run is somewhere before it.
  func skip(
    step: Int, since good: Checkpoint?, unless isInterrupted: () throws(TrainingError) -> Bool
  ) throws(TrainingError) -> Bool {
    try restore(good, from: "memory")
    guard try repeated(to: step - 1, unless: isInterrupted) != nil else { return false }
    resume(after: step + uncounted)
    return true
  }
}
