/// What a checkpoint says of itself beside its tensors: the metadata of its file.
package struct CheckpointFacts: Sendable, Equatable {
  /// Completed updates, those before the first that counts left out: the position in the data.
  package var step: Int
  /// Completed updates with those: the position of the random streams, and Adam's step number.
  package var updates: Int
  /// Of training, since the first step.
  package var seconds: Double
  /// The mean of the loss that `checkpoint.best` names, over the logged steps since the checkpoint before; nil where
  /// there is none.
  package var score: Double?
  /// The effective configuration as JSON.
  package var configuration: String
  /// A hash of the step's program.
  package var program: String
  /// Which images are trained on: their number and shape.
  package var data: String
  /// Of the program that wrote the checkpoint.
  package var version: String
  /// Processes, and threads in each, of the run that wrote the checkpoint.
  package var ranks: Int
  package var threads: Int

  package init(
    step: Int, updates: Int, seconds: Double, score: Double?, configuration: String,
    program: String, data: String, version: String, ranks: Int, threads: Int
  ) {
    self.step = step
    self.updates = updates
    self.seconds = seconds
    self.score = score
    self.configuration = configuration
    self.program = program
    self.data = data
    self.version = version
    self.ranks = ranks
    self.threads = threads
  }

  /// The value of `format`, by which a checkpoint is known.
  private static let format = "selfgan.checkpoint.1"

  /// Whether a file with this metadata is meant to be a checkpoint, perhaps of another version.
  package static func isMeant(by metadata: [String: String]) -> Bool {
    metadata["format"]?.hasPrefix("selfgan.checkpoint.") ?? false
  }

  /// As a safetensors file has it: numbers in decimal digits that read back as they were.
  package var metadata: [String: String] {
    var metadata = [
      "format": Self.format, "data.position": "\(step)", "random.position": "\(updates)",
      "step": "\(step)", "seconds": "\(seconds)", "config": configuration, "program": program,
      "data": data, "version": version, "ranks": "\(ranks)", "threads": "\(threads)",
    ]
    if let score { metadata["score"] = "\(score)" }
    return metadata
  }

  /// Those of a file, whose checksum is not looked at.
  ///
  /// - Throws: `RunFileError.cannotRead`, `.malformed`, `.notACheckpoint`
  package init(path: String) throws(RunFileError) {
    try self.init(metadata: SafetensorsReader(path: path).metadata, path: path)
  }

  /// - Parameter path: what errors name.
  /// - Throws: `RunFileError.notACheckpoint`
  package init(metadata: [String: String], path: String) throws(RunFileError) {
    guard metadata["format"] == Self.format else {
      throw .notACheckpoint(
        path: path, detail: "its metadata has no format \(Self.format)")
    }
    func text(_ key: String) throws(RunFileError) -> String {
      guard let value = metadata[key] else {
        throw .notACheckpoint(path: path, detail: "its metadata has no \(key)")
      }
      return value
    }
    func number<Number: LosslessStringConvertible & Comparable>(
      _ key: String, _ range: ClosedRange<Number>
    ) throws(RunFileError) -> Number {
      let digits = try text(key)
      guard let value = Number(digits), range.contains(value) else {
        throw .notACheckpoint(path: path, detail: "its \(key) is \"\(digits.prefix(40))\"")
      }
      return value
    }
    // That of a configuration.
    let mostSteps = 1 << 31
    step = try number("step", 0...mostSteps)
    updates = try number("random.position", step...(mostSteps + 1))
    seconds = try number("seconds", 0...Double.greatestFiniteMagnitude)
    score = metadata["score"].flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil }
    guard metadata["data.position"] == "\(step)" else {
      throw .notACheckpoint(path: path, detail: "its data.position is not its step, \(step)")
    }
    configuration = try text("config")
    // Of a hundred keys.
    guard configuration.utf8.count <= 1 << 16 else {
      throw .notACheckpoint(path: path, detail: "its config is too long")
    }
    program = try text("program")
    data = try text("data")
    version = try text("version")
    ranks = try number("ranks", 1...Int(Int32.max))
    threads = try number("threads", 1...Int(Int32.max))
  }
}
