/// `shards.csv`: one row a logged step and replica.
final class ShardsLog {
  private let file: OutputFile

  init(path: String) throws(RunFileError) {
    file = try OutputFile(path: path)
    try file.write((["step", "replica"] + ShardStatistics.columns).joined(separator: ",") + "\n")
  }

  /// Appends the rows of one step. Numbers have as many digits as it takes to read the same float
  /// back; what was not measured is empty.
  func append(_ shards: [ShardStatistics], step: Int) throws(RunFileError) {
    for shard in shards {
      let fields = ["\(step)", "\(shard.replica)"] + shard.values.map { $0.map { "\($0)" } ?? "" }
      try file.write(fields.joined(separator: ",") + "\n")
    }
    try file.flush()
  }
}
