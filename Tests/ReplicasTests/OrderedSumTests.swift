import Execution
import Kernels
import Program
import ProgramPasses
import Replicas
import TestSupport
import Testing

/// In `ordered`, a gradient that is averaged over the replicas is the sum of their own gradients along the contract's tree, to the
/// last bit, though within a loop each is added as soon as it is there.
struct OrderedSumTests {
  private static let input = "x"

  /// A convolution, whose kernel's and bias's gradients are put out own and summed.
  private func program(inLoop: Bool) throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: "sums")
    let x = builder.input(Self.input, shape: [2, 4, 4, 3])
    let k = builder.variable(
      "k", shape: [3, 3, 3, 5], role: .parameter, initial: .uniform(bound: 1))
    let w = builder.variable("w", shape: [80, 2], role: .parameter, initial: .uniform(bound: 1))
    let rows =
      inLoop
      ? x.convolution(k, .padded(1, stride: 1)).activated(.tanh).reshaped([2, 80])
      : builder.concatenate([x.reshaped([2, 48]), x.reshaped([2, 48])], axis: 1)
        .slice(from: [0, 0], to: [2, 80])
    let target = rows.product(w).activated(.sigmoid).square().mean()
    let names = inLoop ? ["k", "w"] : ["w"]
    let own = builder.gradients(of: target, withRespectTo: names.map(builder.read))
    for (name, gradient) in zip(names, own) {
      builder.output("own \(name)", gradient)
      builder.output("sum \(name)", gradient.allReduce(.sum))
    }
    return try builder.finish().lowered()
  }

  /// The tree, written out: split at the largest power of two below the count.
  private func sum(_ leaves: ArraySlice<[Float]>) -> [Float] {
    guard leaves.count > 1 else { return leaves.first ?? [] }
    let power = [8, 4, 2, 1].first { $0 < leaves.count } ?? 1
    return zip(sum(leaves.prefix(power)), sum(leaves.dropFirst(power))).map { $0 + $1 }
  }

  @Test(arguments: [1, 3, 5, 8], [true, false])
  func sumsFollowTheTree(_ replicas: Int, _ inLoop: Bool) throws {
    let program = try program(inLoop: inLoop)
    for backend in backends {
      for threads in Set([1, 2, 3, replicas]).filter({ $0 <= replicas }).sorted() {
        let group = try ReplicaGroup(
          [program], placement: Placement(replicas: replicas, threads: threads),
          store: VariableStore(program.variables, replicas: 0..<replicas, seed: 9),
          options: ExecutionOptions(
            reduction: .ordered, libraries: KernelLibraries(backend), seed: 9, timeout: 60,
            input: Self.input, watched: []))
        try group.run(steps: 1, batches: SeededBatches(steps: 1, count: replicas * 96))
        for name in inLoop ? ["k", "w"] : ["w"] {
          let own = group.replicas().map { $0.output("own \(name)") ?? [] }
          #expect(Set(own).count == replicas)
          let expected = sum(own[...])
          let actual = try #require(group.replicas()[0].output("sum \(name)"))
          #expect(bits(actual) == bits(expected), "\(name), \(backend), \(threads) threads")
        }
      }
    }
  }
}
