import Foundation
import Yams

extension Configuration {
  /// A configuration file has a few thousand bytes; more than this is another file.
  package static let largestFile = 1 << 16

  /// The configuration in a file: defaults, then the file, then the overrides in their order.
  ///
  /// - Parameters:
  ///   - path: A YAML file in UTF-8.
  ///   - overrides: `key.path=value`, where the value is YAML (`model.image={height: 32, width: 32}`).
  ///     A command's own options follow those of `--set`, so that they win.
  /// - Throws: An error that names the file, key or value and what was expected, also where
  ///   `validate()` refuses the result.
  package static func load(
    path: String, overrides: [String] = []
  ) throws(ConfigurationError) -> Configuration {
    guard let text = String(validating: try contents(of: path), as: UTF8.self) else {
      throw .notUTF8(path: path)
    }
    return try decode(text, source: path, overrides: overrides)
  }

  /// Throws `ConfigurationError.unknownKey` where no key has this path.
  package static func requireKey(_ path: String) throws(ConfigurationError) {
    if ConfigurationKey.named[path] == nil { throw .unknownKey(path) }
  }

  /// The same for text in memory; `source` names it in errors.
  package static func decode(
    _ text: String, source: String, overrides: [String] = []
  ) throws(ConfigurationError) -> Configuration {
    guard let root = try YAMLText(text: text, source: .file(source)).document(),
      root.configurationScalar?.isNull != true
    else { throw .empty(path: source) }
    guard case .mapping = root else { throw .notAMapping(path: source, found: root.found) }

    var configuration = Configuration()
    try configuration.apply(root, at: "", from: .file(source))
    for override in overrides {
      try configuration.apply(override: override)
    }
    try configuration.validate()
    return configuration
  }

  private static func contents(of path: String) throws(ConfigurationError) -> Data {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw .fileMissing(path: path)
    }
    if isDirectory.boolValue { throw .fileUnreadable(path: path, reason: "it is a directory") }
    // A pipe would block, and neither end nor heed a signal.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .fileUnreadable(path: path, reason: String(cString: strerror(errno)))
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFIFO else {
      throw .fileUnreadable(path: path, reason: "it is a pipe")
    }
    let data: Data
    do {
      // One byte more than allowed, so that neither a device nor a growing file is read for ever.
      data = try file.read(upToCount: largestFile + 1) ?? Data()
    } catch {
      throw .fileUnreadable(path: path, reason: error.localizedDescription)
    }
    guard data.count <= largestFile else { throw .fileTooBig(path: path, limit: largestFile) }
    return data
  }

  private mutating func apply(override: String) throws(ConfigurationError) {
    let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else { throw .malformedOverride(override) }
    let source = YAMLText.Source.override(override)
    let value = try YAMLText(text: String(parts[1]), source: source).document()
    try apply(value ?? Node("", .implicit, .plain), at: String(parts[0]), from: source)
  }

  /// One document is one layer: a key may be in it once, however it is written.
  private mutating func apply(
    _ node: Node, at path: String, from source: YAMLText.Source
  ) throws(ConfigurationError) {
    var assigned: Set<String> = []
    try apply(node, at: path, from: source, assigned: &assigned)
  }

  private mutating func apply(
    _ node: Node, at path: String, from source: YAMLText.Source, assigned: inout Set<String>
  ) throws(ConfigurationError) {
    if let key = ConfigurationKey.named[path] {
      guard assigned.insert(path).inserted else {
        throw .duplicateKey(place: source.place(line: node.mark?.line), key: path)
      }
      return try key.read(node, &self)
    }
    guard ConfigurationKey.sections.contains(path) else { throw .unknownKey(path) }
    guard case .mapping(let mapping) = node else {
      let names = ConfigurationKey.names(in: path).joined(separator: ", ")
      throw .wrongType(
        key: path, found: node.found, expected: "a mapping with \(names)", nearest: nil)
    }
    for (name, value) in mapping {
      guard let name = name.configurationScalar?.text, !name.isEmpty else {
        throw .keyNotText(section: path, found: name.found)
      }
      try apply(
        value, at: path.isEmpty ? name : "\(path).\(name)", from: source, assigned: &assigned)
    }
  }
}

extension ConfigurationError {
  /// The error for a path that is neither a key nor a section.
  fileprivate static func unknownKey(_ path: String) -> ConfigurationError {
    let section =
      ConfigurationKey.enclosingSections(of: path).last { ConfigurationKey.sections.contains($0) }
      ?? ""
    return .unknownKey(
      key: path,
      nearest: nearestPath(
        to: path, in: ConfigurationKey.all.map(\.path) + ConfigurationKey.sections.sorted()),
      section: section, valid: ConfigurationKey.names(in: section))
  }
}
