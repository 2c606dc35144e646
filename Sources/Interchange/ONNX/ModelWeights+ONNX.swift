import Program
import RunConfiguration
import RunFiles
import Training

extension ModelWeights {
  /// Writes the generator as an ONNX model: `noise` [N, latent] → `images` [N, height, width, channels] in (−1, 1), with
  /// moving statistics.
  ///
  /// - Throws: `InterchangeError`
  package func writeONNX(to path: String) throws(InterchangeError) {
    let networks = configuration.networks
    let builder = ProgramBuilder(name: "generator")
    let noise = builder.input("noise", shape: [1, networks.latentSize])
    builder.output("images", networks.generator(noise, mode: .moving))
    let program: ReplicaProgram
    do throws(ProgramError) { program = try builder.finish() } catch { throw .program(error) }
    let model = try ONNXModel.bytes(of: program, weights: tensors, facts: facts)
    try filing { () throws(RunFileError) in try OutputFile.write(model, to: path) }
  }
}
