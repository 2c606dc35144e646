import Foundation

/// A safetensors file as its format says it is: a little-endian 8-byte length, a JSON header of that length, and the data.
struct TensorFile {
  struct Malformed: Error { let reason: String }

  let metadata: [String: String]
  /// Name → extents.
  let shapes: [String: [Int]]
  /// All of the data, without the header.
  let data: Data
  private let ranges: [String: Range<Int>]

  init(_ path: String) throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: path))
    guard file.count >= 8 else { throw Malformed(reason: "shorter than a length") }
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= file.count - 8,
      let header = try JSONSerialization.jsonObject(with: file.subdata(in: 8..<8 + length))
        as? [String: [String: Any]]
    else { throw Malformed(reason: "header") }
    data = file.subdata(in: 8 + length..<file.count)
    metadata = header["__metadata__"] as? [String: String] ?? [:]

    var shapes: [String: [Int]] = [:]
    var ranges: [String: Range<Int>] = [:]
    for (name, entry) in header where name != "__metadata__" {
      guard entry["dtype"] as? String == "F32", let shape = entry["shape"] as? [Int],
        let offsets = entry["data_offsets"] as? [Int], offsets.count == 2,
        offsets[0] <= offsets[1], offsets[1] <= data.count,
        offsets[1] - offsets[0] == 4 * shape.reduce(1, *)
      else { throw Malformed(reason: name) }
      shapes[name] = shape
      ranges[name] = offsets[0]..<offsets[1]
    }
    guard ranges.values.map(\.count).reduce(0, +) == data.count else {
      throw Malformed(reason: "data beside the tensors'")
    }
    self.shapes = shapes
    self.ranges = ranges
  }

  /// A tensor's bytes; nil where there is no such tensor.
  func bytes(_ name: String) -> Data? { ranges[name].map { data.subdata(in: $0) } }

  /// A tensor's numbers; empty where there is no such tensor.
  func values(_ name: String) -> [Float] {
    guard let bytes = bytes(name) else { return [] }
    return bytes.withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  func names(under prefix: String) -> [String] {
    shapes.keys.filter { $0.hasPrefix(prefix) }.sorted()
  }

  /// The averaged gradient of a step as one vector.
  func gradient(step: Int) -> [Float] {
    names(under: "step/\(step)/gradient/").flatMap(values)
  }
}
