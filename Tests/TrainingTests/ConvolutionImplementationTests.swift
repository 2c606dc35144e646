import Kernels
import Program
import ProgramPasses
import RunConfiguration
import Testing
import Training

/// Which code oneDNN takes for the convolutions that are really trained.
struct ConvolutionImplementationTests {
  struct Experiment: Sendable, CustomTestStringConvertible {
    let layout: String
    let size: Int
    let channels: Int
    let replicas: Int

    var testDescription: String { "\(layout), \(size)×\(size)×\(channels), \(replicas) replicas" }

    func program() throws -> ReplicaProgram {
      let configuration = try Configuration.decode(
        """
        model: {kind: dcgan, layout: \(layout),
                image: {height: \(size), width: \(size), channels: \(channels)}}
        batchSize: 64
        replicas: \(replicas)
        """, source: "test")
      return try TrainingStep(configuration).program().lowered(configuration.lowering)
    }
  }

  static let experiments = [
    ("keras", 28, 1), ("keras", 64, 3), ("pytorch", 32, 1), ("pytorch", 64, 3),
  ].flatMap { layout, size, channels in
    [8, 1].map { Experiment(layout: layout, size: size, channels: channels, replicas: $0) }
  }

  /// The convolution that an instruction computes, if it is one.
  private func convolution(
    _ instruction: Instruction, of program: ReplicaProgram
  ) -> (shape: ConvolutionKernel, form: ConvolutionForm, hasBias: Bool)? {
    let operands = instruction.operands.map { program.shape(of: $0) }
    let result = program.shape(of: instruction.results[0])
    func shape(_ attributes: ConvolutionAttributes, image: Shape, kernel: Shape)
      -> ConvolutionKernel
    {
      ConvolutionKernel(
        examples: image.count(before: image.rank - 3), height: image[image.rank - 3],
        width: image[image.rank - 2], channels: kernel[2], kernelHeight: kernel[0],
        kernelWidth: kernel[1], filters: kernel[3], strideHeight: attributes.strides[0],
        strideWidth: attributes.strides[1], top: attributes.low[0], left: attributes.low[1],
        bottom: attributes.high[0], right: attributes.high[1])
    }
    switch instruction.operation {
    case .convolution(let attributes):
      return (shape(attributes, image: operands[0], kernel: operands[1]), .forward, false)
    case .biasedConvolution(let attributes, _):
      return (shape(attributes, image: operands[0], kernel: operands[1]), .forward, true)
    case .transposedConvolution(let attributes, _, _):
      return (shape(attributes, image: result, kernel: operands[1]), .inputGradient, false)
    case .kernelGradient(let attributes, _, _):
      return (shape(attributes, image: operands[0], kernel: result), .kernelGradient, false)
    default: return nil
    }
  }

  /// A factory refuses reference code; what it has taken is of the processor's own instructions.
  @Test(.enabled(if: MatrixBackend.oneDNN.isPresent), arguments: experiments)
  func noConvolutionIsComputedByReferenceCode(_ experiment: Experiment) throws {
    let program = try experiment.program()
    let convolutions = program.instructions.compactMap { convolution($0, of: program) }
    // Seven layers; forward and the kernel's gradient of each, and the images' of all but the first.
    #expect(convolutions.count >= 20)
    Machine.prepareProcess()
    let factory = try KernelFactory(KernelLibraries(.oneDNN))
    for (shape, form, hasBias) in convolutions {
      let sizes = [shape.inputShape, shape.kernelShape, shape.outputShape].map { $0.reduce(1, *) }
      let memory = factory.allocate(count: sizes.max() ?? 0)
      _ = try factory.convolution(
        shape, form, memory, memory, out: factory.allocate(count: sizes.max() ?? 0),
        bias: hasBias ? UnsafePointer(memory) : nil)
    }
    #expect(!factory.implementations.isEmpty)
    #expect(
      factory.implementations.allSatisfy { !$0.contains("ref") }, "\(factory.implementations)")
  }
}
