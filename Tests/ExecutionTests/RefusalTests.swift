import Execution
import Kernels
import Program
import ProgramPasses
import Testing

/// What the executor has no kernel for is refused when it is set up, never computed wrongly.
struct RefusalTests {
  private func setUp(_ build: (ProgramBuilder) -> Tensor) throws {
    let builder = ProgramBuilder(name: "refused")
    builder.output("y", build(builder))
    _ = try ProgramRun(try builder.finish(), replicas: 2, width: 2)
  }

  private func expectUnsupported(
    _ operation: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (ProgramBuilder) -> Tensor
  ) {
    let error = #expect(throws: ExecutionError.self, sourceLocation: sourceLocation) {
      try setUp(build)
    }
    guard case .program(.unsupported(operation, "layer", _)) = error else {
      Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
      return
    }
  }

  @Test func statisticsOverStackedPasses() {
    expectUnsupported("batch_norm") { builder in
      builder.inLayer("layer") {
        let x = Layout.stacked.source(builder, "x", [3, 4, 5])
        let row = builder.constant(1, shape: [5])
        return x.batchNorm(
          scale: row, shift: row, BatchNormAttributes(axes: [0, 1], epsilon: 1e-3)
        ).normalized
      }
    }
  }

  @Test func statisticsOverScatteredAxes() {
    expectUnsupported("batch_norm") { builder in
      builder.inLayer("layer") {
        let row = builder.constant(1, shape: [5])
        return builder.input("x", shape: [3, 4, 5]).batchNorm(
          scale: row, shift: row, BatchNormAttributes(axes: [0], epsilon: 1e-3)
        ).normalized
      }
    }
  }

  @Test(arguments: OperationCase.ownMatrices)
  func stackedRowsThroughMatricesOfEachReplica(_ operation: OperationCase) {
    expectUnsupported(operation.name == "plain" ? "product_plain" : "product_transposed_right") {
      builder in
      builder.inLayer("layer") {
        operation.results(builder) { Layout.stacked.source(builder, $0, $1) }[0]
      }
    }
  }

  @Test(arguments: [(Layout.stacked, Layout.replicaMajor), (.replicaMajor, .replicated)])
  func productOfRowsOfUnlikeLayouts(_ x: Layout, _ y: Layout) {
    expectUnsupported("product_transposed_left") { builder in
      builder.inLayer("layer") {
        x.source(builder, "x", [3, 4, 5]).product(
          y.source(builder, "y", [3, 4, 6]), .transposedLeft)
      }
    }
  }

  @Test func imagesThatAllReplicasShare() {
    expectUnsupported("convolution") { builder in
      builder.inLayer("layer") {
        Layout.replicated.source(builder, "x", [2, 4, 4, 3]).convolution(
          builder.constant(1, shape: [3, 3, 3, 2]), .padded(1, stride: 1))
      }
    }
  }

  @Test func tooFewReplicaConstants() {
    expectUnsupported("replica_constant") { builder in
      builder.inLayer("layer") { builder.replicaConstant([1]) }
    }
  }

  @Test func gradientsThatAreNotExpanded() {
    expectUnsupported("gradient") { builder in
      builder.inLayer("layer") {
        let x = builder.input("x", shape: [])
        return builder.gradients(of: x.square(), withRespectTo: [x])[0]
      }
    }
  }

  @Test func tooManyAxes() {
    // No two neighbours stay neighbours, so that no axes can be taken together.
    let permutation = [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5]
    #expect(throws: ExecutionError.self) {
      try setUp { builder in
        builder.input("x", shape: Shape(permutation.map { _ in 2 })).transposed(permutation)
      }
    }
  }
}
