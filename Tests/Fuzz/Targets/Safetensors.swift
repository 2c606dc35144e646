import RunFiles

extension FuzzTarget {
  /// Tensors in float32; as repaired, with the length of the header, which ends with the first line
  /// break behind the length.
  static let safetensors = FuzzTarget("safetensors", repaired: withRightLength) { bytes in
    try withTemporaryFolder(["weights.safetensors": bytes]) { folder in
      let reader = try SafetensorsReader(path: "\(folder)/weights.safetensors")
      for entry in reader.entries {
        precondition(reader.values(entry).count == entry.shape.reduce(1, *), entry.name)
      }
      precondition(reader.metadata.allSatisfy { $0.key.utf8.count + $0.value.utf8.count >= 0 })
    }
  }
}

@Sendable private func withRightLength(_ bytes: [UInt8]) -> [UInt8]? {
  let rest = bytes.dropFirst(8)
  guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
  return withUnsafeBytes(of: UInt64(end - rest.startIndex).littleEndian, Array.init) + rest
}
