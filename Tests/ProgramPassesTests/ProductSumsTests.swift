import Program
import ProgramPasses
import Testing

/// The norm of a replica's own weight gradient, and its product with the averaged one, without the
/// gradient itself.
struct ProductSumsTests {
  /// - Parameter rows: how many rows the gradient is summed over, in each of two passes.
  private static func program(rows: Int) throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: "sums")
    let x = builder.input("x", shape: [2, rows, 40])
    let d = builder.input("d", shape: [2, rows, 30])
    let own = x.product(d, .transposedLeft)
    let averaged = own.allReduce(.mean)
    builder.output("square", own.square().sum(axes: [0, 1]))
    builder.output("product", (own * averaged).sum(axes: [0, 1]))
    builder.output("reversed", (averaged * own).sum(axes: [0, 1]))
    builder.output("rows", own.square().sum(axes: [0]))
    return try builder.finish()
  }

  @Test(arguments: [1, 3, 40])
  func areTheSameNumbers(rows: Int) throws {
    let program = try Self.program(rows: rows)
    let inputs = program.seededInputs(replicas: 3, seed: rows)
    let expected = program.interpreted(inputs, replicas: 3)
    let lowered = try program.lowered().interpreted(inputs, replicas: 3)
    #expect(difference(lowered, expected) <= 1e-12)
  }

  /// Few rows: no replica has a gradient in memory. Many rows: it is the smaller thing.
  @Test(arguments: [(2, false), (40, true)])
  func dependOnTheNumberOfRows(rows: Int, keepsGradient: Bool) throws {
    let builder = ProgramBuilder(name: "norm")
    let x = builder.input("x", shape: [rows, 40])
    let d = builder.input("d", shape: [rows, 30])
    let own = x.product(d, .transposedLeft)
    builder.output("square", own.square().sum(axes: [0, 1]))
    let lowered = try builder.finish().lowered()
    let hasGradient = lowered.instructions.contains {
      lowered.shape(of: $0.results[0]) == [40, 30]
    }
    #expect(hasGradient == keepsGradient)
  }
}
