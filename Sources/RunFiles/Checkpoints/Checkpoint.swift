/// Everything that a run needs to go on with the bits that it would have had: a safetensors file with a
/// checksum.
///
/// | tensors | shape |
/// |---|---|
/// | `<parameter>`, and statistics that all replicas share | the variable's |
/// | `adam/first_moment/<parameter>`, `adam/second_moment/<parameter>` | the parameter's |
/// | `replicas/<variable>`: moving statistics and previous images, which each replica has of its own | [replicas] and the variable's |
package struct Checkpoint: Sendable, Equatable {
  package static let firstMoment = "adam/first_moment/"
  package static let secondMoment = "adam/second_moment/"
  package static let ofReplicas = "replicas/"

  package var facts: CheckpointFacts
  package var tensors: [NamedTensor]

  package init(_ facts: CheckpointFacts, tensors: [NamedTensor]) {
    self.facts = facts
    self.tensors = tensors
  }

  /// - Complexity: O(tensors)
  package subscript(name: String) -> NamedTensor? { tensors.first { $0.name == name } }

  /// The tensors that all replicas share, without Adam's moments: a model's parameters.
  package var shared: [NamedTensor] {
    tensors.filter { tensor in
      ![Self.firstMoment, Self.secondMoment, Self.ofReplicas].contains {
        tensor.name.hasPrefix($0)
      }
    }
  }

  /// What each replica has of its own, by the variable's name without its prefix; replica after replica.
  package var ofReplicas: [(name: String, replicas: [NamedTensor])] {
    tensors.compactMap { tensor in
      guard tensor.name.hasPrefix(Self.ofReplicas), let count = tensor.shape.first,
        count > 0, !tensor.values.isEmpty
      else {
        return nil
      }
      let name = String(tensor.name.dropFirst(Self.ofReplicas.count))
      let length = tensor.values.count / count
      return (
        name,
        (0..<count).map { replica in
          NamedTensor(
            name, shape: Array(tensor.shape.dropFirst()),
            Array(tensor.values[(replica * length)..<((replica + 1) * length)]))
        }
      )
    }
  }

  // MARK: - Files

  /// Writes the file: it appears complete, and on the disk, or not at all.
  ///
  /// - Parameter prepare: is done when the file is complete, before it appears under its name.
  /// - Throws: `RunFileError.cannotCreate`, `.cannotWrite`
  package func write(
    to path: String, before prepare: () throws(RunFileError) -> Void = {}
  ) throws(RunFileError) {
    var metadata = facts.metadata
    metadata[FileChecksum.key] = FileChecksum.placeholder
    var header = SafetensorsHeader(metadata: metadata)
    for tensor in tensors {
      header.add(tensor.name, shape: tensor.shape, count: tensor.values.count)
    }
    let head = try header.encoded(for: path)
    try OutputFile.writeAtomically(to: path) { (file) throws(RunFileError) in
      let checksum = FileChecksum()
      let writer = UncachedWriter(file, checksum: checksum)
      try writer.append(head)
      for tensor in tensors { try writer.append(tensor.values) }
      try writer.finish()
      try file.overwrite(Array(checksum.digits.utf8), at: FileChecksum.place.lowerBound)
      try prepare()
    }
    let directory =
      path.contains("/") ? path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex) : "."
    try OutputFile.synchronizeDirectory(directory.isEmpty ? "/" : String(directory))
  }

  /// Reads and checks a file.
  ///
  /// - Throws: `RunFileError.cannotRead`, `.malformed`, `.damaged`, `.notACheckpoint`
  package init(path: String) throws(RunFileError) {
    try self.init(SafetensorsReader(path: path))
  }

  /// Checks a file whose header has been read.
  ///
  /// - Throws: `RunFileError.damaged`, `.notACheckpoint`
  package init(_ reader: SafetensorsReader) throws(RunFileError) {
    facts = try CheckpointFacts(metadata: reader.metadata, path: reader.path)
    try reader.requireChecksum()
    tensors = reader.entries.map { NamedTensor($0.name, shape: $0.shape, reader.values($0)) }
  }
}
