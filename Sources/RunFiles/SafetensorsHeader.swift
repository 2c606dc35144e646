import Foundation

/// The JSON header of a safetensors file, whose tensors' data follow one another in the order in which they are
/// added.
struct SafetensorsHeader {
  private struct Entry: Encodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  /// The header up to the first value of the metadata, whose keys are in alphabetical order.
  static let beginning = #"{"__metadata__":{""#

  private let metadata: [String: String]
  private var entries: [(name: String, entry: Entry)] = []
  private var names: Set<String> = []
  private var offset = 0

  init(metadata: [String: String]) { self.metadata = metadata }

  /// Adds a tensor. Names are distinct.
  mutating func add(_ name: String, shape: [Int], count: Int, type: ElementType = .float32) {
    precondition(shape.reduce(1, *) == count && names.insert(name).inserted, name)
    let end = offset + count * type.byteCount
    entries.append((name, Entry(dtype: type.rawValue, shape: shape, offsets: [offset, end])))
    offset = end
  }

  /// The 8-byte length and the header, padded with spaces so that the data is aligned.
  ///
  /// - Parameter path: what errors name.
  func encoded(for path: String) throws(RunFileError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      var members = [
        #""__metadata__":"# + String(decoding: try encoder.encode(metadata), as: UTF8.self)
      ]
      for (name, entry) in entries {
        let key = String(decoding: try encoder.encode(name), as: UTF8.self)
        members.append(key + ":" + String(decoding: try encoder.encode(entry), as: UTF8.self))
      }
      let text = "{" + members.joined(separator: ",") + "}"
      let padded = text + String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
      return withUnsafeBytes(of: UInt64(padded.utf8.count).littleEndian) { Array($0) } + padded.utf8
    } catch {
      throw .cannotWrite(path: path, reason: "\(error)")
    }
  }
}
