import Program
import Testing

struct ProgramBuilderTests {
  @Test func operatorsAppendTheirOperations() throws {
    let builder = ProgramBuilder(name: "formula")
    let x = builder.input("x", shape: [4])
    builder.output("y", (1 - x.square()) / x)
    #expect(
      try builder.finish().description == """
        program "formula" {
          %0 = input {name = "x", shape = [4]} : each [4]
          %1 = square %0 : each [4]
          %2 = constant {value = 1, shape = []} : []
          %3 = subtract %2, %1 : each [4]
          %4 = divide %3, %0 : each [4]
          output "y" %4
        }

        """)
  }

  @Test func layersNest() throws {
    let builder = ProgramBuilder(name: "layers")
    builder.inLayer("generator") {
      builder.inLayer("dense_0") { _ = builder.constant(1) }
      builder.inLayer(path: "loss") { _ = builder.constant(2) }
      _ = builder.constant(3)
    }
    _ = builder.constant(4)
    let layers = try builder.finish().instructions.map(\.layer)
    #expect(layers == ["generator/dense_0", "loss", "generator", ""])
  }

  @Test func aVariableIsReadOnce() throws {
    let builder = ProgramBuilder(name: "two passes")
    let reads = (0..<2).map { _ in
      builder.variable("w", shape: [3], role: .parameter, initial: .constant(0))
    }
    #expect(reads[0].value == reads[1].value)
    let program = try builder.finish()
    #expect(program.variables.count == 1)
    #expect(program.instructions.count == 1)
  }

  @Test func declaringDifferentlyIsRefused() throws {
    let builder = ProgramBuilder(name: "two shapes")
    builder.inLayer("net/dense_0") {
      _ = builder.variable("w", shape: [3], role: .parameter, initial: .constant(0))
      _ = builder.variable("w", shape: [4], role: .parameter, initial: .constant(0))
    }
    let error = try #require(throws: ProgramError.self) { try builder.finish() }
    #expect(
      error.description
        == "net/dense_0: variable of [3], [4]: \"w\" is declared twice, differently (C12)")
  }

  /// What follows from a failure is not the failure.
  @Test func theFirstFailureIsReported() throws {
    let builder = ProgramBuilder(name: "failures")
    let sum = builder.inLayer("first") {
      builder.input("x", shape: [3]) + builder.input("y", shape: [4])
    }
    builder.inLayer("second") { _ = sum.product(sum) }
    let error = try #require(throws: ProgramError.self) { try builder.finish() }
    #expect(
      error.description == "first: add of each [3], each [4]: the shapes do not broadcast (C3)")
  }

  @Test func theGradientOfAFailureHasAResultForEachSource() throws {
    let builder = ProgramBuilder(name: "failed gradient")
    let x = builder.input("x", shape: [3])
    #expect(builder.gradients(of: x, withRespectTo: [x, x]).count == 2)
    let error = try #require(throws: ProgramError.self) { try builder.finish() }
    #expect(
      error.description == "gradient of each [3], each [3], each [3]:"
        + " the gradient of a scalar is expected (C14)")
  }

  @Test func aResultDiffersBetweenReplicasWhereAnOperandDoes() throws {
    let builder = ProgramBuilder(name: "distributions")
    let shared = builder.variable("w", shape: [3], role: .state, initial: .constant(0))
    let own = builder.input("x", shape: [3])
    #expect(shared.square().type.distribution == .replicated)
    #expect((shared + own).type.distribution == .perReplica)
    #expect((shared + own).allReduce(.mean).type.distribution == .replicated)
    #expect(builder.replicaConstant([1, 2]).type == TensorType([], .perReplica))
    #expect(
      builder.random(.normal, shape: [2], stream: "z").type == TensorType([2], .perReplica))
  }
}
