import RunAnalysis
import RunReport

extension FuzzTarget {
  /// A file of a run directory, of which summary and report are made: `metrics.jsonl` where it begins
  /// with a brace, else every table.
  static let runTables = FuzzTarget("runTables") { bytes in
    let names =
      bytes.first == UInt8(ascii: "{")
      ? ["metrics.jsonl"] : ["shards.csv", "gradients.csv", "batch_norm.csv"]
    let files = Dictionary(uniqueKeysWithValues: names.map { ($0, bytes) })
    try withTemporaryFolder(files) { folder in
      let archive = try RunArchive(path: folder)
      let document = ReportDocument(archives: [archive], samples: .embedded)
      precondition((try? document.json()) != nil, "no JSON can be made of the report")
      precondition(document.problems.allSatisfy { !$0.isEmpty })
      _ = archive.gradients?.noiseScale()
      if names.count > 1 { _ = try ShardSummary(archive) }
    }
  }
}
