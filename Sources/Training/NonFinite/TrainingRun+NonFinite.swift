import Execution
import Foundation
import Replicas
import RunFiles

/// A step after which something is not finite any more.
package struct NonFiniteStep: Codable, Sendable, Equatable {
  /// Counted once it is complete.
  package let step: Int
  /// What is not finite: a loss, or a variable.
  package let symptom: String
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
    let all = try gather((try? own.map { try JSONEncoder().encode($0) }) ?? Data())
    let found = all?.compactMap { try? JSONDecoder().decode(NonFiniteStep.self, from: $0) }
    let first = found?.min { $0.step < $1.step }
    let told = try broadcast(Array((try? first.map { try JSONEncoder().encode($0) }) ?? Data()))
    return try? JSONDecoder().decode(NonFiniteStep.self, from: Data(told))
  }

  /// The operation that made the first number that is not finite. Collective; leaves the run somewhere before.
  ///
  /// The steps are run again from a state that was good, until the one is found after which something is not finite; and that
  /// one once more, looking at all that is written in it.
  ///
  /// - Parameters:
  ///   - bad: a step after which something is known not to be finite.
  ///   - good: the state after an earlier step; in the first process.
  /// - Returns: the first such step, and a sentence that names it, the replica, the operation and what it made.
  func origin(
    of bad: NonFiniteStep, since good: Checkpoint?
  ) throws(TrainingError) -> (step: Int, sentence: String) {
    try restore(good, from: "memory")
    // A loss shows at once what its own step or the one before has made.
    let likely = bad.step - 2
    if likely > completedSteps {
      let loss = try attempt(steps: likely - completedSteps, measures: false)
      if try nonFiniteStep(loss, looksAtVariables: true) != nil {
        try restore(good, from: "memory")
      }
    }
    var found: NonFiniteStep?
    while found == nil, completedSteps < bad.step {
      found = try nonFiniteStep(
        try attempt(steps: 1, measures: false), looksAtVariables: true)
    }
    guard let found else { return (bad.step, bad.symptom) }
    try restore(good, from: "memory")
    _ = try attempt(steps: max(0, found.step - 1 - completedSteps), measures: false)
    let origin: NonFiniteOrigin?
    do throws(ReplicaError) {
      let own = try group.runExamined(batches: batches)
      do throws(CommunicationError) {
        origin = try NonFiniteOrigin.first(
          own, among: processes.communicator, step: found.step)
      } catch { throw .communication(error) }
    } catch { throw .replicas(error) }
    return (
      found.step,
      [found.symptom, origin?.sentence(step: found.step)].compactMap { $0 }.joined(separator: "; ")
    )
  }

  /// Leaves a step out: it counts, and changes nothing. Collective.
  ///
  /// - Parameter good: the state after an earlier step; in the first process.
  func skip(step: Int, since good: Checkpoint?) throws(TrainingError) {
    try restore(good, from: "memory")
    _ = try attempt(steps: max(0, step - 1 - completedSteps), measures: false)
    resume(after: step + uncounted)
  }
}
