import Execution
import Kernels
import Program
import ProgramPasses
import TestSupport
import Testing

/// The whole training step in float32, after all passes, against the program as it is written in float64.
///
/// Tolerances: 1e-5 for the losses; 2e-3 for the whole gradient, because a unit that float32 puts on the other side of
/// LeakyReLU's kink has a quite different gradient.
struct SelfGANStepTests {
  struct Variant: Sendable, CustomTestStringConvertible {
    let layout: NetworkLayout
    let movingStatistics: BatchNormConventions.MovingStatistics
    let backend: MatrixBackend
    let width: Int
    let order: ProgramRun.Order
    var testDescription: String { "\(layout), \(backend), width \(width), \(order)" }
  }

  static let variants =
    backends.flatMap { backend in
      [
        Variant(
          layout: .keras, movingStatistics: .perReplica, backend: backend, width: 4, order: .fast),
        Variant(
          layout: .pytorch, movingStatistics: .sequential, backend: backend, width: 2,
          order: .separate),
      ]
    }

  @Test(arguments: variants)
  func agreesWithTheReference(_ variant: Variant) throws {
    let replicas = 4
    let networks = MultilayerPerceptron(
      layout: variant.layout, latentSize: 100, imageShape: [28, 28, 1],
      batchNorm: .init(count: replicas, movingStatistics: variant.movingStatistics))
    let step = try SelfGANStep(
      networks, examples: 4, adam: variant.layout == .keras ? .keras : .pytorch,
      recording: .averagedGradients)
    let run = try ProgramRun(
      try step.program.lowered(), replicas: replicas, width: variant.width,
      backend: variant.backend, order: variant.order)
    var reference = ReferenceInterpreter(
      try step.program.expandingGradients(), replicas: replicas, seed: 7)

    for number in 0..<2 {
      // Both start from the same state, so that only this step's rounding counts.
      copyState(of: run.store, to: &reference)
      let inputs = step.program.seededInputs(replicas: replicas, seed: number)
        .mapValues { $0.map { DoubleTensor(shape: $0.shape, values: $0.values.map { $0 / 2 }) } }
      let expected = reference.run(inputs)
      try run.run(inputs)

      for loss in SelfGANStep.losses {
        for replica in 0..<replicas {
          let tensor = try #require(expected[loss]?[replica])
          #expect(relativeError(run.output(loss, replica: replica), tensor.values) <= 1e-5)
        }
      }
      let gradient = step.parameters.map { "gradient/\($0)" }
      #expect(
        normError(
          gradient.flatMap { run.output($0, replica: 0) },
          gradient.flatMap { expected[$0]?[0].values ?? [] }) <= 2e-3)
      for variable in step.program.variables {
        let tensors = try #require(reference.variables[variable.name])
        for (replica, tensor) in tensors.enumerated() {
          let error = relativeError(
            run.store.read(variable.name, replica: replica), tensor.values)
          #expect(error <= (variable.role == .parameter ? 2e-3 : 1e-5), "\(variable.name)")
        }
      }
    }
  }

  private func copyState(of store: VariableStore, to reference: inout ReferenceInterpreter) {
    for (name, tensors) in reference.variables {
      reference.variables[name] = tensors.indices.map { replica in
        DoubleTensor(
          shape: tensors[replica].shape,
          values: store.read(name, replica: replica).map(Double.init))
      }
      guard let offset = store.layout.offsets[name], let tensor = tensors.first else { continue }
      let moments = [store.firstMoments, store.secondMoments].map { buffer in
        DoubleTensor(
          shape: tensor.shape,
          values: (offset..<offset + tensor.values.count).map { Double(buffer.values[$0]) })
      }
      reference.moments[name] = (moments[0], moments[1])
    }
  }
}
