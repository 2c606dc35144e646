import RunAnalysis

/// The runs at paths that a user named, without those that cannot be read.
enum ReadableRuns {
  /// Calls `body` with each run; complains about those that cannot be read.
  ///
  /// - Returns: what `body` makes of the others, in their order; at least one.
  /// - Throws: the last error, where no run can be read.
  static func map<Value>(
    _ paths: [String], _ body: (RunArchive) throws(RunAnalysisError) -> Value
  ) throws(RunAnalysisError) -> [Value] {
    var values: [Value] = []
    var last: RunAnalysisError?
    for path in paths {
      do throws(RunAnalysisError) {
        values.append(try body(RunArchive(path: path)))
      } catch {
        if let last { Failure.complain("\(last)") }
        last = error
      }
    }
    if let last {
      if values.isEmpty { throw last }
      Failure.complain("\(last)")
    }
    return values
  }
}
