import Program
import ProgramPasses
import Testing

/// Whatever a pass does to a program, it computes the same: outputs and variables of two steps, in
/// float64.
struct SemanticsTests {
  @Test(arguments: Pass.allCases, 0..<40)
  func randomProgram(_ pass: Pass, _ seed: Int) throws {
    let program = try ReplicaProgram.random(seed: seed)
    let inputs = program.seededInputs(replicas: 2, seed: seed)
    let expected = try program.expandingGradients().interpreted(inputs, replicas: 2, steps: 2)
    let actual = try pass(program).interpreted(inputs, replicas: 2, steps: 2)
    #expect(difference(actual, expected) <= 1e-12)
  }

  @Test(arguments: Pass.allCases, 0..<40)
  func randomProgramOfImages(_ pass: Pass, _ seed: Int) throws {
    let program = try ReplicaProgram.randomOfImages(seed: seed)
    let inputs = program.seededInputs(replicas: 2, seed: seed)
    let expected = try program.expandingGradients().interpreted(inputs, replicas: 2)
    let actual = try pass(program).interpreted(inputs, replicas: 2)
    #expect(difference(actual, expected) <= 1e-11)
  }

  @Test(arguments: Pass.allCases)
  func trainingStep(_ pass: Pass) throws {
    let program = try ReplicaProgram.smallTrainingStep(showsGradients: true)
    let inputs = program.seededInputs(replicas: 4, seed: 2)
    let expected = try program.expandingGradients().interpreted(inputs, replicas: 4, steps: 3)
    let actual = try pass(program).interpreted(inputs, replicas: 4, steps: 3)
    #expect(difference(actual, expected) <= 1e-12)
  }

  /// What a pass has done once it need not do again.
  @Test(arguments: Pass.allCases, 0..<10)
  func aSecondTimeChangesNothing(_ pass: Pass, _ seed: Int) throws {
    let once = try pass(ReplicaProgram.randomOfEither(seed: seed))
    #expect(try pass(once) == once)
  }

  /// The random programs are worth their name: between them they hold every operation that a
  /// program can be written in, and those that fusion makes.
  @Test func operationsOfTheRandomPrograms() throws {
    var mnemonics: Set<String> = []
    for seed in 0..<40 {
      for program in [
        try ReplicaProgram.random(seed: seed), try ReplicaProgram.randomOfImages(seed: seed),
      ] {
        for stage in [try program.expandingGradients(), try program.lowered()] {
          mnemonics.formUnion(stage.instructions.map(\.operation.mnemonic))
        }
      }
    }
    let expected: Set = [
      "input", "variable", "constant", "replica_constant", "random", "product_plain",
      "product_transposed_right", "product_transposed_left", "sum", "broadcast", "reshape",
      "transpose", "pad", "slice", "concatenate", "batch_norm", "batch_norm_gradient",
      "stop_gradient", "all_reduce", "dense", "activation_gradient_bias", "reduced_product",
      "convolution", "transposed_convolution", "kernel_gradient", "resize_nearest",
      "resize_nearest_gradient", "resize_bilinear", "resize_bilinear_gradient", "upscale",
      "upscale_gradient", "average_pool", "average_pool_gradient", "dropout",
      "biased_convolution", "upscaled_kernel", "upscaled_kernel_gradient",
    ]
    #expect(expected.subtracting(mnemonics) == [])
  }
}
