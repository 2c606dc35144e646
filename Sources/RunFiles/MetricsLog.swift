import Foundation

/// `metrics.jsonl`: one flat object a logged step.
package final class MetricsLog {
  package struct Line: Encodable {
    let step: Int
    let examples: Int
    let seconds: Double
    let millisecondsPerStep: Double
    let losses: [String: Float]

    /// - Parameters:
    ///   - seconds: since the first step.
    ///   - losses: means over the replicas, by their column in `shards.csv`.
    package init(
      step: Int, examples: Int, seconds: Double, millisecondsPerStep: Double,
      losses: [String: Float]
    ) {
      self.step = step
      self.examples = examples
      self.seconds = seconds
      self.millisecondsPerStep = millisecondsPerStep
      self.losses = losses
    }

    private enum CodingKeys: String, CodingKey {
      case step, examples, seconds, millisecondsPerStep
      case own = "loss.self"
      case generated = "loss.generated"
      case real = "loss.real"
      case fake = "loss.fake"
    }

    /// JSON has no infinities: what is no finite number is null.
    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(step, forKey: .step)
      try container.encode(examples, forKey: .examples)
      try container.encode(seconds.isFinite ? seconds : nil, forKey: .seconds)
      try container.encode(
        millisecondsPerStep.isFinite ? millisecondsPerStep : nil, forKey: .millisecondsPerStep)
      let columns: [(CodingKeys, String)] = [
        (.own, "loss_self"), (.generated, "loss_generated"), (.real, "loss_real"),
        (.fake, "loss_fake"),
      ]
      for (key, column) in columns {
        let loss = losses[column]
        try container.encode(loss.flatMap { $0.isFinite ? $0 : nil }, forKey: key)
      }
    }
  }

  private let file: OutputFile
  private let encoder = JSONEncoder()

  /// Begins the file, or goes on with the one that is there.
  ///
  /// - Parameter step: lines of later steps are dropped; nil begins anew.
  package init(path: String, after step: Int? = nil) throws(RunFileError) {
    if let step {
      struct Step: Decodable { let step: Int }
      file = try OutputFile(resuming: path) { line in
        (try? JSONDecoder().decode(Step.self, from: Data(line.utf8))).map { $0.step <= step }
          ?? false
      }
    } else {
      file = try OutputFile(path: path)
    }
    encoder.outputFormatting = [.sortedKeys]
  }

  /// Appends a line, and hands it to the system.
  package func append(_ line: Line) throws(RunFileError) {
    let text: String
    do { text = String(decoding: try encoder.encode(line), as: UTF8.self) } catch {
      throw .cannotWrite(path: file.path, reason: "\(error)")
    }
    try file.write(text + "\n")
    try file.flush()
  }
  /// Waits until what was appended is on the disk; on any thread.
  package func synchronize() throws(RunFileError) { try file.synchronize() }
}
