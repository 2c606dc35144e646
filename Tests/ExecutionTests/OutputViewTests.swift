import Kernels
import Program
import Testing

/// A replica's part of an output need not be one stretch of memory.
struct OutputViewTests {
  @Test(arguments: 1...4)
  func stackedOutputLiesInBlocks(width: Int) throws {
    let builder = ProgramBuilder(name: "blocks")
    builder.output("x", Layout.stacked.source(builder, "x", [3, 4, 5]))
    let program = try builder.finish()
    let inputs = program.seededInputs(replicas: 4, seed: 3)
    let run = try ProgramRun(program, replicas: 4, width: width)
    try run.run(inputs)
    for replica in 0..<4 {
      let view = try #require(run.view("x", replica: replica))
      #expect(view.blocks == 3 && view.blockCount == 20)
      #expect(view.stride == 20 * min(width, 4 - replica / width * width))
      let expected = (0..<3).flatMap { inputs["x_\($0)"]?[replica].values ?? [] }
      #expect(view.values.map(Double.init) == expected)
    }
  }

  @Test func replicaMajorOutputIsOneBlock() throws {
    let builder = ProgramBuilder(name: "block")
    builder.output("x", builder.input("x", shape: [3, 4, 5]))
    let program = try builder.finish()
    let inputs = program.seededInputs(replicas: 4, seed: 3)
    let run = try ProgramRun(program, replicas: 4, width: 4)
    try run.run(inputs)
    for replica in 0..<4 {
      let view = try #require(run.view("x", replica: replica))
      #expect(view.blocks == 1 && view.blockCount == 60)
      #expect(view.values.map(Double.init) == inputs["x"]?[replica].values)
    }
  }

  @Test func unknownOutput() throws {
    let run = try ProgramRun(ReplicaProgram(name: "empty"), replicas: 1, width: 1)
    #expect(run.view("y", replica: 0) == nil)
  }
}
