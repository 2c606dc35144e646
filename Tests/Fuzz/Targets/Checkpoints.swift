import CXXHash
import RunFiles

extension FuzzTarget {
  /// Checkpoints, and foreign files of any type; as repaired, with the right checksum.
  static let checkpoint = FuzzTarget("checkpoint", repaired: withRightChecksum) { bytes in
    try withTemporaryFolder(["c.safetensors": bytes]) { folder in
      let path = "\(folder)/c.safetensors"
      if let reader = try? SafetensorsReader(path: path, types: Set(ElementType.allCases)) {
        for entry in reader.entries {
          precondition(reader.values(entry).count == entry.shape.reduce(1, *), entry.name)
        }
      }
      let checkpoint = try Checkpoint(path: path)
      let own = checkpoint.ofReplicas
      precondition(checkpoint.shared.count + own.count <= checkpoint.tensors.count)
      precondition(own.allSatisfy { !$0.replicas.isEmpty })
    }
  }
}

/// The file with its checksum's digits right, where they stand as a checkpoint has them.
@Sendable private func withRightChecksum(_ bytes: [UInt8]) -> [UInt8]? {
  let introduction = Array(#"{"__metadata__":{"checksum":""#.utf8)
  let place = (8 + introduction.count)..<(24 + introduction.count)
  guard bytes.count >= place.upperBound, bytes[8..<place.lowerBound].elementsEqual(introduction)
  else { return nil }
  var repaired = bytes
  repaired.replaceSubrange(place, with: repeatElement(UInt8(ascii: "0"), count: place.count))
  let hash = String(XXH3_64bits(repaired, repaired.count), radix: 16)
  let digits = String(repeating: "0", count: place.count - hash.count) + hash
  repaired.replaceSubrange(place, with: digits.utf8)
  return repaired
}
