import Foundation
import TestSupport
import Testing

/// Traces of a configuration by a job, and by one process.
struct JobTraces: CustomTestStringConvertible {
  let configuration: String
  let steps: Int
  let options: [String]

  var testDescription: String { ([configuration] + options).joined(separator: " ") }

  init(_ configuration: String, steps: Int = 2, _ options: [String]) {
    self.configuration = configuration
    self.steps = steps
    self.options = options
  }

  private func arguments(_ output: String) -> [String] {
    [
      "trace", Configurations.path(configuration), "--steps", "\(steps)", "--output", output,
    ] + options
  }

  func alone() throws -> TensorFile {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(arguments("trace"), in: scratch)
    try #require(outcome.code == 0, "\(outcome.errors)")
    return try TensorFile(scratch.file("trace"))
  }

  /// - Parameter further: options beside those of the one process.
  func job(_ launch: MPIJob.Launch, _ further: [String] = []) throws -> TensorFile {
    let scratch = try ScratchDirectory()
    let outcome = try MPIJob.run(launch, arguments("trace") + further, in: scratch)
    try #require(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output == "" && outcome.errors == "")
    #expect(try scratch.names() == ["trace"])
    return try TensorFile(scratch.file("trace"))
  }

  /// The paper's run, in the sizes that are really trained, as kernels differ in small ones.
  static let ganInOrder = JobTraces(
    "gan", steps: 3, ["--reduction", "ordered"] + Configurations.synthetic)
  static let ganInOrderAlone = Result { try ganInOrder.alone() }
  static let ganFast = JobTraces("gan", ["--reduction", "fast"] + Configurations.synthetic)
  static let ganFastAlone = Result { try ganFast.alone() }
}

extension TensorFile {
  /// The tensors that are not the same, bit by bit, in another file.
  func differences(from other: TensorFile) -> [String] {
    Set(shapes.keys).union(other.shapes.keys).filter {
      shapes[$0] != other.shapes[$0] || bytes($0) != other.bytes($0)
    }.sorted()
  }

  /// ‖Δ‖ / ‖gradient‖ of the first step's averaged gradient.
  func gradientError(from other: TensorFile) -> Double {
    let reference = other.gradient(step: 0).map(Double.init)
    return reference.isEmpty ? .infinity : normError(gradient(step: 0), reference)
  }
}
