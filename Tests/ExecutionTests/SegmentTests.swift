import Execution
import Kernels
import Program
import Testing

/// Programs that read what they have reduced over the replicas, and go on.
struct SegmentTests {
  @Test(arguments: [Reduction.mean, .sum], [Layout.replicaMajor, .stacked])
  func reducedValueIsReadAfterwards(_ reduction: Reduction, _ layout: Layout) throws {
    let builder = ProgramBuilder(name: "centred")
    let x = layout.source(builder, "x", [3, 4, 5])
    let reduced = x.allReduce(reduction)
    builder.output("reduced", reduced)
    builder.output("centred", x - reduced)
    builder.output("row", reduced.sum(axes: [0, 1]))
    try expectAgreement(try builder.finish())
  }

  @Test func reductionsThatDependOnEachOther() throws {
    let builder = ProgramBuilder(name: "standardised")
    let x = builder.input("x", shape: [4, 5])
    let centred = x - x.sum(axes: [0]).allReduce(.mean) * 0.25
    let variance = centred.square().sum(axes: [0]).allReduce(.mean) * 0.25
    let standardised = centred / (variance + 1e-3).squareRoot()
    builder.output("standardised", standardised)
    builder.output("largest", standardised.square().sum(axes: [0, 1]).allReduce(.sum))
    try expectAgreement(try builder.finish())
  }

  @Test func reducedValueAsReshapedAndSlicedView() throws {
    let builder = ProgramBuilder(name: "views")
    let reduced = builder.input("x", shape: [4, 5]).allReduce(.mean)
    builder.output("reshaped", reduced.reshaped([2, 10]))
    builder.output("entry", reduced.entry(2))
    builder.output("stopped", reduced.stopGradient())
    builder.output("joined", builder.concatenate([reduced, reduced], axis: 0))
    try expectAgreement(try builder.finish())
  }

  /// Adam waits for the last reduction: the parameter is read after its gradient is there.
  @Test(arguments: [Adam.Variant.keras, .pytorch], [Reduction.mean, .sum])
  func parameterThatIsReadAfterItsGradient(
    _ variant: Adam.Variant, _ reduction: Reduction
  ) throws {
    let builder = ProgramBuilder(name: "late reader")
    let x = builder.input("x", shape: [4, 5])
    let kernel = builder.variable(
      "kernel", shape: [5, 7], role: .parameter, initial: .uniform(bound: 1))
    let bias = builder.variable("bias", shape: [7], role: .parameter, initial: .constant(0.5))
    let y = (x.product(kernel) + bias).activated(.tanh)
    let gradients = builder.gradients(of: y.square().mean(), withRespectTo: [kernel, bias])
    let averaged = gradients.map { $0.allReduce(reduction) }
    let size = gradients[0].square().sum(axes: [0, 1]).allReduce(.mean)
    builder.output("late", (kernel * size).sum(axes: [0]) + bias)
    builder.output("own", gradients[0])
    builder.update(
      ["kernel", "bias"],
      with: Adam(
        learningRate: 0.01, beta1: 0.5, beta2: 0.999, epsilon: 1e-3, variant: variant),
      gradients: averaged)
    try expectAgreement(try builder.finish(), steps: 3)
  }

  /// A reduced gradient that is also an output is stored; the parameters' bits stay.
  @Test func averagedGradientAsOutput() throws {
    func program(outputs: Bool) throws -> ReplicaProgram {
      let builder = ProgramBuilder(name: "recorded")
      let x = builder.input("x", shape: [4, 50])
      let kernel = builder.variable(
        "kernel", shape: [50, 30], role: .parameter, initial: .uniform(bound: 0.2))
      let loss = x.product(kernel).activated(.sigmoid).square().mean()
      let gradient = builder.gradients(of: loss, withRespectTo: [kernel])[0].allReduce(.mean)
      builder.update(
        ["kernel"],
        with: Adam(
          learningRate: 0.01, beta1: 0.5, beta2: 0.999, epsilon: 1e-3, variant: .keras),
        gradients: [gradient])
      if outputs { builder.output("gradient", gradient) }
      return try builder.finish()
    }
    try expectAgreement(try program(outputs: true), steps: 2)
  }
}
