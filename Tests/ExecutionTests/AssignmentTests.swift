import Execution
import Kernels
import Program
import Testing

/// Assignments take effect at the end of the step, whatever lies where.
struct AssignmentTests {
  private static let distributions = [Distribution.perReplica, .replicated]

  private func variable(
    _ builder: ProgramBuilder, _ name: String, _ distribution: Distribution
  ) -> Tensor {
    builder.variable(
      name, shape: [4, 5], distribution: distribution, role: .state, initial: .uniform(bound: 2))
  }

  /// The previous images: read and overwritten in the same step.
  @Test(arguments: distributions)
  func readsTheOldValue(_ distribution: Distribution) throws {
    let builder = ProgramBuilder(name: "memory")
    let last = variable(builder, "last", distribution)
    let x = builder.input("x", shape: [4, 5])
    builder.output("difference", x - last)
    builder.assign("last", distribution == .perReplica ? x : x.allReduce(.mean))
    try expectAgreement(try builder.finish(), steps: 3)
  }

  @Test(arguments: distributions)
  func followsTheOldValue(_ distribution: Distribution) throws {
    let builder = ProgramBuilder(name: "moving average")
    let moving = variable(builder, "moving", distribution)
    let x = builder.input("x", shape: [4, 5])
    builder.assign(
      "moving", moving * 0.9 + (distribution == .perReplica ? x : x.allReduce(.sum)) * 0.1)
    try expectAgreement(try builder.finish(), steps: 3)
  }

  @Test func replicatedValueForEveryReplica() throws {
    let builder = ProgramBuilder(name: "shared")
    _ = variable(builder, "own", .perReplica)
    builder.assign("own", builder.input("x", shape: [4, 5]).allReduce(.mean))
    try expectAgreement(try builder.finish(), steps: 2)
  }

  @Test func stackedValue() throws {
    let builder = ProgramBuilder(name: "stacked")
    let last = variable(builder, "last", .perReplica)
    let x = Layout.stacked.source(builder, "x", [4, 5])
    builder.output("product", x * last)
    builder.assign("last", x + 1)
    try expectAgreement(try builder.finish(), steps: 3)
  }

  @Test(arguments: distributions)
  func swap(_ distribution: Distribution) throws {
    let builder = ProgramBuilder(name: "swap")
    let (a, b) = (variable(builder, "a", distribution), variable(builder, "b", distribution))
    builder.assign("a", b)
    builder.assign("b", a)
    try expectAgreement(try builder.finish(), steps: 3)
  }

  /// What a step put out is what it read, though the variable has changed since.
  @Test(arguments: distributions)
  func outputOfTheOldValue(_ distribution: Distribution) throws {
    let builder = ProgramBuilder(name: "output")
    let last = variable(builder, "last", distribution)
    builder.output("last", last)
    builder.output("reshaped", last.reshaped([20]))
    builder.assign("last", last * 0.5)
    try expectAgreement(try builder.finish(), steps: 2)
  }
}
