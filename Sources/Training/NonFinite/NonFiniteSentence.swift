import Execution
import Program

extension NonFiniteOrigin {
  /// What happened, for people:
  ///
  ///     step 12: replica 3: generator/dense_2: dense made -inf in %57 [8, 256] (element 12)
  ///     step 12: replica 3: real [8, 28, 28, 1] was nan (element 12) before the step
  ///
  /// - Parameter step: as it is counted once it is complete.
  package func sentence(step: Int) -> String {
    let own = replicas.map {
      $0.count == 1
        ? "replica \($0.lowerBound)" : "replicas \($0.lowerBound) to \($0.upperBound - 1)"
    }
    // A NaN has a sign, which says nothing.
    let number = number.isNaN ? .nan : number
    let place = "\(value) \(Shape(shape))"
    guard let operation else {
      return [
        "step \(step)", own, "\(place) was \(number) (element \(element)) before the step",
      ].compactMap { $0 }.joined(separator: ": ")
    }
    let input = largestInput.map { ", from \($0.value) of up to \($0.magnitude)" } ?? ""
    return [
      "step \(step)", own, layer.isEmpty ? nil : layer,
      "\(operation) made \(number) in \(place) (element \(element))\(input)",
    ].compactMap { $0 }.joined(separator: ": ")
  }
}
