import Foundation

/// The directory that a run writes into, and the names of what it holds.
package struct RunDirectory: Sendable {
  package let path: String

  /// Creates the directory.
  ///
  /// - Parameters:
  ///   - path: where it shall be; nil takes `runs/00001-<name>`, counting up.
  /// - Throws: `RunFileError.directoryNotEmpty`, `.cannotCreateDirectory`
  package init(path: String?, name: String) throws(RunFileError) {
    if let path {
      self.path = try Self.created(path)
    } else {
      self.path = try Self.numbered(name, in: Self.parent)
    }
    try makeFolders()
  }

  /// A run that is already there.
  package init(existing path: String) { self.path = path }

  /// The run that a user names; nil where it is no directory.
  ///
  /// - Parameter path: a directory; `latest` is the highest numbered one in `runs`, unless a directory has that name.
  /// - Throws: `RunFileError.noRuns`
  package init?(resolving path: String) throws(RunFileError) {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory),
      isDirectory.boolValue
    {
      self.path = path
      return
    }
    guard path == "latest" else { return nil }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: Self.parent)) ?? []
    let numbered = names.compactMap { name in
      Int(name.prefix { $0.isASCII && $0.isNumber }).map { (number: $0, name: name) }
    }.filter { Self(existing: "\(Self.parent)/\($0.name)").isRun }
    guard let latest = numbered.max(by: { ($0.number, $0.name) < ($1.number, $1.name) }) else {
      throw .noRuns(directory: Self.parent)
    }
    self.path = "\(Self.parent)/\(latest.name)"
  }

  /// Where runs are whose directory nobody named.
  private static let parent = "runs"

  /// Whether anything has been recorded of a step.
  package var hasRecords: Bool {
    var status = stat()
    let hasMetrics = stat(metrics, &status) == 0 && status.st_size > 0
    return hasMetrics || !sampleFiles.isEmpty || FileManager.default.fileExists(atPath: weights)
  }

  /// Whether there is a file that a run writes.
  package var isRun: Bool {
    let files = [configuration, metrics, weights] + RunTable.allCases.map { path(of: $0) }
    return files.contains { FileManager.default.fileExists(atPath: $0) }
  }

  /// Creates a directory and those that it is in; takes an empty one that is there.
  ///
  /// - Throws: `RunFileError.directoryNotEmpty`, `.cannotCreateDirectory`
  static func created(_ path: String) throws(RunFileError) -> String {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
      guard isDirectory.boolValue else {
        throw .cannotCreateDirectory(path: path, reason: "it is a file")
      }
      guard let contents = try? FileManager.default.contentsOfDirectory(atPath: path) else {
        throw .cannotCreateDirectory(path: path, reason: "it cannot be read")
      }
      if !contents.isEmpty { throw .directoryNotEmpty(path: path) }
      return path
    }
    // Each folder on the way, from the first.
    var folder = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      folder += component + "/"
      if mkdir(folder, 0o755) != 0, errno != EEXIST {
        throw .cannotCreateDirectory(path: path, reason: RunFileError.lastReason)
      }
    }
    return path
  }

  /// The directory after the highest number that is taken; two runs that start together get two.
  private static func numbered(_ name: String, in parent: String) throws(RunFileError) -> String {
    if mkdir(parent, 0o755) != 0, errno != EEXIST {
      throw .cannotCreateDirectory(path: parent, reason: RunFileError.lastReason)
    }
    let taken = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    // Numbers beyond the format's reach are somebody else's.
    let numbers = taken.compactMap { Int($0.prefix { $0.isNumber }) }.filter { $0 < 1_000_000_000 }
    var number = (numbers.max() ?? 0) + 1
    while true {
      let path = "\(parent)/\(String(format: "%05d", number))-\(name)"
      if mkdir(path, 0o755) == 0 { return path }
      guard errno == EEXIST else {
        throw .cannotCreateDirectory(path: path, reason: RunFileError.lastReason)
      }
      number += 1
    }
  }

  /// Makes the folders within, where they are not there yet.
  package func makeFolders() throws(RunFileError) {
    for folder in [samples, checkpoints] where mkdir(folder, 0o755) != 0 && errno != EEXIST {
      throw .cannotCreateDirectory(path: folder, reason: RunFileError.lastReason)
    }
  }

  package var configuration: String { path + "/config.yaml" }
  package var machine: String { path + "/machine.json" }
  package var metrics: String { path + "/metrics.jsonl" }
  package var reals: String { path + "/reals.png" }
  package var weights: String { path + "/weights.safetensors" }

  /// What `machine.json` says; empty where it is not there.
  package var machineFacts: [String: String] {
    var status = stat()
    // A pipe would not end.
    guard stat(machine, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size < 1 << 20, let data = try? Data(contentsOf: URL(filePath: machine))
    else { return [:] }
    return (try? JSONDecoder().decode([String: String].self, from: data)) ?? [:]
  }

  package func path(of table: RunTable) -> String { path + "/\(table.rawValue).csv" }

  package var samples: String { path + "/samples" }

  /// The grid of samples after `step` completed updates.
  package func sample(step: Int) -> String { samples + "/" + Self.name(step, "png") }

  /// The grids that are there, in the order of their steps.
  package var sampleFiles: [StepFile] { Self.stepFiles(in: samples, "png") }

  // MARK: - Files by their steps

  /// A file that a run writes every so many steps.
  package struct StepFile: Sendable, Equatable {
    /// Completed updates.
    package let step: Int
    package let path: String
  }

  static func name(_ step: Int, _ type: String) -> String {
    "step-\(String(format: "%06ld", step)).\(type)"
  }

  static func stepFiles(in directory: String, _ type: String) -> [StepFile] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.compactMap { file in
      guard file.hasPrefix("step-"), file.hasSuffix("." + type),
        let step = Int(file.dropFirst(5).dropLast(type.utf8.count + 1)), step >= 0,
        name(step, type) == file
      else { return nil }
      return StepFile(step: step, path: "\(directory)/\(file)")
    }.sorted { $0.step < $1.step }
  }
}
