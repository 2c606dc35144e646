import Foundation

/// Reads tensors from a safetensors file, which is taken as hostile: every size is checked before
/// memory is taken.
package struct SafetensorsReader {
  package struct Entry: Sendable {
    package let name: String
    package let shape: [Int]
    package let type: ElementType
    fileprivate let range: Range<Int>
  }

  package let path: String
  package let metadata: [String: String]
  /// In the order of their data.
  package let entries: [Entry]
  private let data: Data

  /// A trace of a thousand steps of many replicas has tens of MB.
  private static let largestHeader = 100 << 20

  /// Reads and checks the header; the data is mapped.
  ///
  /// - Parameter types: what tensors may be of.
  /// - Throws: `RunFileError.cannotRead`, `.malformed`
  package init(
    path: String, types: Set<ElementType> = [.float32]
  ) throws(RunFileError) {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .cannotRead(path: path, reason: RunFileError.lastReason)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .cannotRead(path: path, reason: "it is no regular file")
    }
    do {
      data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    } catch {
      throw .cannotRead(path: path, reason: error.localizedDescription)
    }
    func malformed(_ detail: String) -> RunFileError { .malformed(path: path, detail: detail) }

    guard data.count >= 8 else { throw malformed("it is shorter than its 8-byte header length") }
    let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(Self.largestHeader), length <= UInt64(data.count - 8) else {
      throw malformed("its header of \(length) bytes does not fit into the file")
    }
    let start = 8 + Int(length)
    let json = data.subdata(in: 8..<start)
    guard let object = try? JSONSerialization.jsonObject(with: json),
      let header = object as? [String: Any]
    else { throw malformed("its header is no JSON object") }
    guard let metadata = (header["__metadata__"] ?? [String: String]()) as? [String: String] else {
      throw malformed("its __metadata__ is no object of strings")
    }
    self.metadata = metadata

    let available = data.count - start
    var entries: [Entry] = []
    for (name, value) in header where name != "__metadata__" {
      guard let fields = value as? [String: Any], let typeName = fields["dtype"] as? String,
        let shape = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int]
      else { throw malformed("\"\(name)\" has no dtype, shape and data_offsets") }
      guard let type = ElementType(rawValue: typeName), types.contains(type) else {
        let expected = types.map(\.rawValue).sorted().joined(separator: ", ")
        throw malformed("\"\(name)\" is \(typeName), and \(expected) is expected")
      }
      guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= available
      else { throw malformed("the data of \"\(name)\" does not lie within the file") }
      var bytes = type.byteCount
      for extent in shape {
        let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
        guard extent >= 0, !overflow else { throw malformed("\"\(name)\" has the shape \(shape)") }
        bytes = product
      }
      guard bytes == offsets[1] - offsets[0] else {
        throw malformed(
          "\"\(name)\" of shape \(shape) has \(offsets[1] - offsets[0]) bytes instead of \(bytes)")
      }
      entries.append(
        Entry(
          name: name, shape: shape, type: type,
          range: (start + offsets[0])..<(start + offsets[1])))
    }
    // The format's rule: the tensors' data follows one after another and fills the file.
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var end = start
    for entry in entries {
      guard entry.range.lowerBound == end else {
        throw malformed("the data of \"\(entry.name)\" overlaps another's, or leaves a gap")
      }
      end = entry.range.upperBound
    }
    guard end == data.count else { throw malformed("its last bytes belong to no tensor") }
    self.entries = entries
  }

  /// All bytes of the file.
  func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
    data.withUnsafeBytes(body)
  }

  /// A copy of a tensor's values, rounded to float32 where they are something else.
  package func values(_ entry: Entry) -> [Float] {
    guard entry.type == .float32 else {
      return withBytes { entry.type.floats(UnsafeRawBufferPointer(rebasing: $0[entry.range])) }
    }
    let count = entry.range.count / MemoryLayout<Float>.stride
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      _ = data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer), from: entry.range)
      initialized = count
    }
  }
}
