import Foundation
import RunAnalysis
import TestSupport

/// A run directory that a test writes itself.
struct RunFixture {
  let scratch: ScratchDirectory
  /// The run's name; its directory lies in `scratch`.
  let name: String

  init(_ name: String = "run", in scratch: ScratchDirectory) throws {
    (self.scratch, self.name) = (scratch, name)
    try FileManager.default.createDirectory(
      atPath: scratch.file("\(name)/samples"), withIntermediateDirectories: true)
  }

  var path: String { scratch.file(name) }

  func archive() throws -> RunArchive { try RunArchive(path: path) }

  func write(_ text: String, as file: String) throws {
    try scratch.write(text, as: "\(name)/\(file)")
  }

  func write(_ bytes: [UInt8], as file: String) throws {
    try scratch.write(bytes, as: "\(name)/\(file)")
  }

  /// `shards.csv` with the self loss alone.
  ///
  /// - Parameter loss: of a step and replica; "" where nothing was measured.
  func writeLosses(steps: [Int], replicas: Int, _ loss: (Int, Int) -> String) throws {
    let rows = steps.flatMap { step in
      (0..<replicas).map { "\(step),\($0),\(loss(step, $0))\n" }
    }
    try write("step,replica,loss_self\n" + rows.joined(), as: "shards.csv")
  }

  /// What every PNG file begins and ends with, and a byte that differs.
  static func picture(_ mark: UInt8) -> [UInt8] {
    [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, mark]
      + [0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82]
  }
}

/// A document as those who read it have it: plain JSON.
struct ReadDocument {
  let object: [String: Any]

  init(_ json: [UInt8]) throws {
    object = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any] ?? [:]
  }

  /// What lies at a path of keys and indices, such as "runs.0.series.steps"; nil where there is no
  /// such place, and NSNull where it is null.
  subscript(path: String) -> Any? {
    var value: Any? = object
    for part in path.split(separator: ".") {
      if let index = Int(part), let list = value as? [Any] {
        value = list.indices.contains(index) ? list[index] : nil
      } else {
        value = (value as? [String: Any])?[String(part)]
      }
    }
    return value
  }

  /// Numbers, and nil for null.
  func numbers(_ path: String) -> [Double?]? {
    (self[path] as? [Any])?.map { ($0 as? NSNumber)?.doubleValue }
  }

  func texts(_ path: String) -> [String] { self[path] as? [String] ?? [] }
}
