import Program
import RunConfiguration
import RunFiles

/// Weights in files of other frameworks' names and layouts.
extension ModelWeights {
  /// Writes a safetensors file; the tensors stand in the order of the layers.
  ///
  /// - Throws: `InterchangeError`
  package func write(as format: WeightFormat, to path: String) throws(InterchangeError) {
    let correspondences = try Correspondence.all(of: configuration, in: format)
    var metadata = facts
    // What libraries look for that take tensors from several frameworks.
    if format == .pytorch { metadata["format"] = "pt" }
    try filing { () throws(RunFileError) in
      let writer = try SafetensorsWriter(path: path, metadata: metadata)
      if format == .pytorch {
        let names = correspondences.map(\.variable.name)
        for counter in PyTorchNames.counters(names, in: configuration.model) {
          try writer.add(counter, Int64(step ?? 0))
        }
      }
      for correspondence in correspondences {
        guard let tensor = tensors[correspondence.variable.name] else { continue }
        try writer.add(
          correspondence.name, shape: correspondence.shape, correspondence.order(tensor.values))
      }
      try writer.finish()
    }
  }

  /// What a file says of the model beside its tensors.
  var facts: [String: String] {
    var facts = ["config": configuration.json, "version": programVersion]
    if let step { facts["step"] = "\(step)" }
    return facts
  }

  /// Reads a file of another framework; numbers of other types are rounded to float32.
  ///
  /// - Parameters:
  ///   - format: whose names and layouts the file has.
  ///   - configuration: what the model is.
  /// - Throws: `InterchangeError`
  package init(
    path: String, format: WeightFormat, configuration: Configuration
  ) throws(InterchangeError) {
    let correspondences = try Correspondence.all(of: configuration, in: format)
    let known = Dictionary(uniqueKeysWithValues: correspondences.map { ($0.name, $0) })
    let counters =
      format == .pytorch
      ? PyTorchNames.counters(
        correspondences.map(\.variable.name), in: configuration.model) : []
    let reader = try filing { () throws(RunFileError) in
      try SafetensorsReader(path: path, types: ElementType.floatingPoint.union([.int64]))
    }
    var tensors: [String: NamedTensor] = [:]
    for entry in reader.entries where !counters.contains(entry.name) {
      guard let correspondence = known[entry.name] else {
        let names = correspondences.prefix(2).map(\.name).joined(separator: ", ")
        throw .tensor(
          name: entry.name, file: path,
          detail: "the model has no tensor of this name; expected \(names), …")
      }
      guard ElementType.floatingPoint.contains(entry.type) else {
        let types = ElementType.floatingPoint.map(\.rawValue).sorted().joined(separator: ", ")
        throw .tensor(
          name: entry.name, file: path,
          detail: "it is \(entry.type.rawValue), and \(types) is expected")
      }
      try entry.shape.require(correspondence.shape, of: entry.name, file: path)
      let values = reader.values(entry)
      let bad = values.count { !$0.isFinite }
      guard bad == 0 else {
        throw .tensor(
          name: entry.name, file: path,
          detail: "\(bad) of its \(values.count) numbers are not finite in float32")
      }
      let variable = correspondence.variable
      tensors[entry.name] = NamedTensor(
        variable.name, shape: variable.type.shape.dimensions,
        correspondence.order.inverse(values))
    }
    for correspondence in correspondences where tensors[correspondence.name] == nil {
      throw .missing(correspondence.name, shape: correspondence.shape, file: path)
    }
    try self.init(configuration, Array(tensors.values), step: nil, file: path)
  }
}
