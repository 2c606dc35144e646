import Foundation
import RunConfiguration
import RunFiles
import Training

/// What `selfgan checkpoint show` says of a path.
protocol ShownCheckpoints: Encodable {
  /// For a terminal.
  var text: String { get }
}

/// The checkpoints of a run.
struct ShownRun: ShownCheckpoints {
  let path: String
  let checkpoints: [CheckpointEntry]

  /// - Throws: `RunFileError.noCheckpoint`
  init(_ directory: RunDirectory) throws(RunFileError) {
    path = directory.path
    checkpoints = directory.checkpointEntries()
    if checkpoints.isEmpty { throw .noCheckpoint(path: path) }
  }

  var text: String {
    var table = TextTable(["checkpoint", "step", "score", "", "MiB", "state"], hasNames: true)
    for entry in checkpoints {
      table.add([
        entry.path, "\(entry.step)", shortText(entry.score), entry.isBest ? "best" : "",
        String(format: "%.1f", Double(entry.bytes) / Double(1 << 20)), entry.problem ?? "ok",
      ])
    }
    return table.description
  }
}

/// What a file of a model says of itself, and its tensors. Weights know nothing of their run's course.
struct ShownModel: ShownCheckpoints {
  let path: String
  let step: Int?
  let updates: Int?
  let seconds: Double?
  let score: Double?
  /// Which loss the score is a mean of.
  let scored: String
  let version: String?
  let program: String?
  let data: String?
  let ranks: Int?
  let threads: Int?
  let replicas: Int
  let model: String
  let tensors: [TensorSummary]

  init(_ saved: SavedModel) {
    let (facts, configuration) = (saved.facts, saved.configuration)
    path = saved.path
    (step, updates) = (facts?.step, facts?.updates)
    (seconds, score) = (facts?.seconds, facts?.score)
    scored = configuration.checkpoint.best.rawValue
    (version, program, data) = (facts?.version, facts?.program, facts?.data)
    (ranks, threads) = (facts?.ranks, facts?.threads)
    replicas = configuration.replicas
    model = "\(configuration.model.kind.rawValue), \(configuration.model.layout.rawValue)"
    tensors = saved.tensors.map(TensorSummary.init)
  }

  private var facts: [(name: String, value: String?)] {
    [
      ("file", path), ("step", step.map { "\($0)" }), ("updates", updates.map { "\($0)" }),
      ("seconds", seconds.map { String(format: "%.1f", $0) }),
      ("score", score.map { "\(shortText($0)) (\(scored))" }), ("version", version),
      ("program", program), ("data", data), ("ranks", ranks.map { "\($0)" }),
      ("threads", threads.map { "\($0) in each rank" }), ("replicas", "\(replicas)"),
      ("model", model),
    ]
  }

  var text: String {
    var list = TextTable(["tensor", "shape", "norm", "min", "max", "not finite"], hasNames: true)
    for tensor in tensors {
      list.add([
        tensor.name, tensor.shape.map(String.init).joined(separator: "×"), shortText(tensor.norm),
        shortText(tensor.minimum.map(Double.init)), shortText(tensor.maximum.map(Double.init)),
        "\(tensor.nonFinite)",
      ])
    }
    let lines = facts.compactMap { fact in
      fact.value.map { value in
        fact.name + String(repeating: " ", count: 12 - fact.name.count) + printable(value)
      }
    }
    return (lines + ["", list.description]).joined(separator: "\n")
  }
}

private func shortText(_ value: Double?) -> String {
  value.map { String(format: "%.6g", $0) } ?? ""
}
