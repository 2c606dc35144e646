import Program
import RunFiles
import SwiftProtobuf

/// A program as a file that ONNX's runtimes read.
package enum ONNXModel {
  /// The program with ONNX's operator set 17, which ONNX Runtime has had since 1.12.
  ///
  /// - Parameters:
  ///   - program: has inputs whose first axis is the examples, and one output.
  ///   - weights: of every variable that the program reads, by its name.
  ///   - facts: what the model says of itself; `version` is this program's.
  /// - Throws: `InterchangeError.operation`
  package static func bytes(
    of program: ReplicaProgram, weights: [String: NamedTensor], facts: [String: String]
  ) throws(InterchangeError) -> [UInt8] {
    let graph = try ONNXTranslation.graph(of: program, weights: weights)
    let model = ONNXModelProto.with { model in
      model.irVersion = 8
      model.opsetImport = [.with { $0.version = 17 }]
      model.producerName = "selfgan"
      model.producerVersion = facts["version"] ?? ""
      model.graph = graph
      model.metadataProps = facts.sorted { $0.key < $1.key }.map { key, value in
        .with { ($0.key, $0.value) = (key, value) }
      }
    }
    do { return try model.serializedBytes() } catch {
      // Of messages of 2 GB and more.
      throw .operation("the model", layer: "", detail: "\(error)")
    }
  }
}
