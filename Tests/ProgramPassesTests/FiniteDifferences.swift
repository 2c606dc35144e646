import Execution
import Kernels
import Program
import ProgramPasses
import Testing

/// Expects the outputs `d <input>` of `program` to be the derivatives of its output `target` by its
/// inputs, told by central differences in float64, to 1e-6 of the largest of them.
///
/// A replica's gradient is that of the mean over the replicas, times their number: averaged
/// gradients are the mean's.
func expectDerivatives(
  _ program: ReplicaProgram, replicas: Int = 1, seed: Int = 11, tolerance: Double = 1e-6,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let expanded = try program.expandingGradients()
  let forward = try expanded.keepingOnly("target")
  let inputs = expanded.seededInputs(replicas: replicas, seed: seed)
  let gradients = try #require(
    expanded.interpretedOutputs(inputs, replicas: replicas), sourceLocation: sourceLocation)

  func totalTarget(_ inputs: [String: [DoubleTensor]]) throws -> Double {
    let outputs = forward.interpretedOutputs(inputs, replicas: replicas)
    let targets = try #require(outputs?["target"], sourceLocation: sourceLocation)
    return targets.reduce(0) { $0 + $1.values[0] } * Double(replicas) / Double(targets.count)
  }

  let names = expanded.outputs.map(\.name).filter { $0.hasPrefix("d ") }
  #expect(!names.isEmpty, sourceLocation: sourceLocation)
  for output in names {
    let name = String(output.dropFirst(2))
    for replica in 0..<replicas {
      let actual = try #require(gradients[output]?[replica], sourceLocation: sourceLocation)
      var expected: [Double] = []
      for element in actual.values.indices {
        let step = 1e-5
        var ends: [Double] = []
        for sign in [1.0, -1] {
          var moved = inputs
          moved[name]?[replica].values[element] += sign * step
          ends.append(try totalTarget(moved))
        }
        expected.append((ends[0] - ends[1]) / (2 * step))
      }
      let magnitude = expected.reduce(1e-3) { max($0, abs($1)) }
      let error = zip(actual.values, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / magnitude
      #expect(
        error <= tolerance, "\(output) of replica \(replica): \(actual.values), not \(expected)",
        sourceLocation: sourceLocation)
    }
  }
}

extension ReplicaProgram {
  /// The program without its other outputs and its updates.
  func keepingOnly(_ output: String) throws -> ReplicaProgram {
    var program = self
    program.outputs.removeAll { $0.name != output }
    program.updates = []
    return try program.eliminatingDeadCode()
  }

  fileprivate func interpretedOutputs(
    _ inputs: [String: [DoubleTensor]], replicas: Int
  ) -> [String: [DoubleTensor]]? {
    var interpreter = ReferenceInterpreter(self, replicas: replicas, seed: 3)
    return interpreter.run(inputs)
  }
}

/// An operation whose result is differentiated.
struct DifferentiatedOperation: Sendable, CustomTestStringConvertible {
  typealias Source = (_ name: String, _ shape: Shape) -> Tensor

  let name: String
  let result: @Sendable (ProgramBuilder, Source) -> Tensor

  init(_ name: String, _ result: @escaping @Sendable (ProgramBuilder, Source) -> Tensor) {
    self.name = name
    self.result = result
  }

  var testDescription: String { name }

  /// Appends the operation of inputs; returns them and the sum of the result's elements, each with
  /// a weight of its own.
  private func weightedSum(_ builder: ProgramBuilder) -> (sources: [(String, Tensor)], sum: Tensor)
  {
    var sources: [(String, Tensor)] = []
    let result = result(builder) { name, shape in
      let tensor = builder.input(name, shape: shape)
      sources.append((name, tensor))
      return tensor
    }
    return (sources, weighted(result))
  }

  private func weighted(_ tensor: Tensor) -> Tensor {
    let weights = (0..<tensor.shape.count).map { element in
      tensor.builder.constant(0.6 + 0.37 * Double(element % 7), shape: [1])
    }
    let flat = tensor.reshaped([tensor.shape.count])
    return (flat * tensor.builder.concatenate(weights, axis: 0)).sum(axes: [0])
  }

  func firstDerivative() throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: name)
    let (sources, target) = weightedSum(builder)
    builder.output("target", target)
    let gradients = builder.gradients(of: target, withRespectTo: sources.map(\.1))
    for (source, gradient) in zip(sources, gradients) { builder.output("d \(source.0)", gradient) }
    return try builder.finish()
  }

  /// The target is made of the first derivatives.
  func secondDerivative() throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: name)
    let (sources, sum) = weightedSum(builder)
    let first = builder.gradients(of: sum, withRespectTo: sources.map(\.1))
    let target = first.map { weighted($0 * $0 + $0) }.reduce(builder.constant(0), +)
    builder.output("target", target)
    let gradients = builder.gradients(of: target, withRespectTo: sources.map(\.1))
    for (source, gradient) in zip(sources, gradients) { builder.output("d \(source.0)", gradient) }
    return try builder.finish()
  }
}
