/// The tables of a run directory: comma-separated files of one row a step and replica.
package enum RunTable: String, CaseIterable, Sendable {
  /// What each replica did, at every logged step.
  case shards
  /// Each replica's own gradient beside the averaged one, at every `shards.gradientEvery` steps.
  case gradients
  /// How far each replica's batch statistics are from those of all, at every logged step: a row a
  /// batch norm and pass.
  case batchNorm = "batch_norm"

  package var columns: [String] {
    switch self {
    case .shards: ["step", "replica"] + ShardStatistics.columns
    case .gradients: ["step", "replica"] + GradientStatistics.columns
    case .batchNorm: ["step", "replica", "layer", "pass"] + BatchNormDistance.columns
    }
  }
}

/// Appends rows to a table.
///
/// Numbers have as many digits as it takes to read the same float back; what was not measured is
/// empty.
package final class TableLog {
  private let file: OutputFile

  /// Begins the file with its header, or goes on with the file that is there.
  ///
  /// - Parameter step: rows of later steps are dropped; nil begins anew.
  /// - Throws: `RunFileError`
  package init(
    _ table: RunTable, in directory: RunDirectory, after step: Int? = nil
  ) throws(RunFileError) {
    let (path, header) = (directory.path(of: table), table.columns.joined(separator: ","))
    if let step {
      file = try OutputFile(resuming: path) { line in
        line == header || Int(line.prefix { $0 != "," }).map { $0 <= step } ?? false
      }
    } else {
      file = try OutputFile(path: path)
    }
    if file.isEmpty {
      try file.write(header + "\n")
      try file.flush()
    }
  }

  package func append(
    step: Int, replica: Int, labels: [String] = [], _ values: [Float?]
  ) throws(RunFileError) {
    let fields = ["\(step)", "\(replica)"] + labels + values.map { $0.map { "\($0)" } ?? "" }
    try file.write(fields.joined(separator: ",") + "\n")
  }

  /// Hands what was appended to the system.
  package func flush() throws(RunFileError) { try file.flush() }

  /// Waits until what was handed over is on the disk; on any thread.
  package func synchronize() throws(RunFileError) { try file.synchronize() }
}
