import Execution
import Kernels
import Program
import ProgramPasses
import TestSupport

extension ReplicaProgram {
  /// Seeded numbers for every input and replica, between 0.3 and 2 in magnitude, of either sign.
  func seededInputs(replicas: Int, seed: Int) -> [String: [DoubleTensor]] {
    var numbers = SeededNumbers(seed: seed)
    var inputs: [String: [DoubleTensor]] = [:]
    for case .input(let name, let shape) in instructions.map(\.operation) {
      inputs[name] = (0..<replicas).map { _ in
        DoubleTensor(
          shape: shape.dimensions,
          values: (0..<shape.count).map { _ in
            Double.random(in: 0.3...2, using: &numbers) * (Bool.random(using: &numbers) ? 1 : -1)
          })
      }
    }
    return inputs
  }

  /// The outputs, and the variables after, of `steps` steps in float64.
  func interpreted(
    _ inputs: [String: [DoubleTensor]], replicas: Int, steps: Int = 1
  ) -> [String: [DoubleTensor]] {
    var interpreter = ReferenceInterpreter(self, replicas: replicas, seed: 3)
    var results: [String: [DoubleTensor]] = [:]
    for step in 0..<steps {
      for (name, tensors) in interpreter.run(inputs) {
        results["\(name) of step \(step)"] = tensors
      }
    }
    for (name, tensors) in interpreter.variables { results["\(name) after"] = tensors }
    return results
  }
}

/// The largest difference between two sets of tensors over the largest magnitude in each of
/// `expected`, or 1 where that is smaller.
///
/// - Returns: infinity where names, counts or shapes differ.
func difference(
  _ actual: [String: [DoubleTensor]], _ expected: [String: [DoubleTensor]]
) -> Double {
  guard Set(actual.keys) == Set(expected.keys) else { return .infinity }
  var largest = 0.0
  for (name, tensors) in expected {
    let others = actual[name] ?? []
    guard others.map(\.shape) == tensors.map(\.shape) else { return .infinity }
    for (a, b) in zip(others, tensors) {
      let magnitude = b.values.reduce(1) { max($0, abs($1)) }
      for (x, y) in zip(a.values, b.values) {
        if x.isNaN || y.isNaN { return .infinity }
        largest = max(largest, abs(x - y) / magnitude)
      }
    }
  }
  return largest
}
