import Foundation

/// `metrics.jsonl`: one flat object a logged step.
final class MetricsLog {
  struct Line: Encodable {
    let step: Int
    let examples: Int
    let seconds: Double
    let millisecondsPerStep: Double
    let losses: (own: Float?, generated: Float?, real: Float?, fake: Float?)

    private enum CodingKeys: String, CodingKey {
      case step, examples, seconds, millisecondsPerStep
      case own = "loss.self"
      case generated = "loss.generated"
      case real = "loss.real"
      case fake = "loss.fake"
    }

    /// JSON has no infinities: what is no finite number is null.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(step, forKey: .step)
      try container.encode(examples, forKey: .examples)
      try container.encode(seconds.isFinite ? seconds : nil, forKey: .seconds)
      try container.encode(
        millisecondsPerStep.isFinite ? millisecondsPerStep : nil, forKey: .millisecondsPerStep)
      let keyed: [(CodingKeys, Float?)] = [
        (.own, losses.own), (.generated, losses.generated), (.real, losses.real),
        (.fake, losses.fake),
      ]
      for (key, loss) in keyed {
        try container.encode(loss.flatMap { $0.isFinite ? $0 : nil }, forKey: key)
      }
    }
  }

  private let file: OutputFile
  private let encoder = JSONEncoder()

  init(path: String) throws(RunFileError) {
    file = try OutputFile(path: path)
    encoder.outputFormatting = [.sortedKeys]
  }

  func append(_ line: Line) throws(RunFileError) {
    let text: String
    do { text = String(decoding: try encoder.encode(line), as: UTF8.self) } catch {
      throw .cannotWrite(path: file.path, reason: "\(error)")
    }
    try file.write(text + "\n")
    try file.flush()
  }
}
