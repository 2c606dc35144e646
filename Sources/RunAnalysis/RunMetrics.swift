import Foundation

/// `metrics.jsonl`, read: the speed of a run and its mean losses, by step.
package struct RunMetrics: Sendable {
  /// One logged step.
  package struct Line: Sendable, Equatable {
    package let step: Int
    /// Since the first step; nil where it is missing or null, as all that follows.
    package let seconds: Double?
    package let millisecondsPerStep: Double?
    /// The mean losses over the replicas that are finite, by their column in `shards.csv`.
    package let losses: [String: Double]
  }

  /// In the order of their steps.
  package let lines: [Line]
  /// What is damaged in the file, a sentence each; those lines are left out.
  package let problems: [String]

  /// Longer than any line that a run writes.
  private static let longestLine = 1 << 16

  /// - Throws: `RunAnalysisError` where the file cannot be read at all.
  package init(path: String) throws(RunAnalysisError) {
    let file = try FileBytes(path: path)
    let decoder = JSONDecoder()
    var faults = LineFaults(file: file.name)
    var lines: [Line] = []
    var seen: Set<Int> = []
    let cutOff = file.forEachLine { number, bytes in
      guard bytes.count <= Self.longestLine,
        let line = try? decoder.decode(Line.self, from: Data(bytes.bytes))
      else { return faults.add(.noMetrics, line: number) }
      guard seen.insert(line.step).inserted else { return faults.add(.repeated, line: number) }
      if let last = lines.last, line.step < last.step { faults.add(.backwards, line: number) }
      lines.append(line)
    }
    faults.noteCutOff(line: cutOff)
    self.lines = lines.sorted { $0.step < $1.step }
    problems = faults.sentences
  }
}

extension RunMetrics.Line: Decodable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case step, seconds, millisecondsPerStep
    case own = "loss.self"
    case generated = "loss.generated"
    case real = "loss.real"
    case fake = "loss.fake"
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    step = try container.decode(Int.self, forKey: .step)
    seconds = try container.decodeIfPresent(Double.self, forKey: .seconds)
    millisecondsPerStep = try container.decodeIfPresent(Double.self, forKey: .millisecondsPerStep)
    var losses: [String: Double] = [:]
    for key in [CodingKeys.own, .generated, .real, .fake] {
      losses[key.rawValue.replacing(".", with: "_")] =
        try container.decodeIfPresent(Double.self, forKey: key)
    }
    self.losses = losses
  }
}
