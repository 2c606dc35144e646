import Foundation

/// A graph of ONNX nodes under construction.
struct ONNXGraph {
  /// What a node is told beside its inputs.
  enum Attribute {
    case int(Int)
    case ints([Int])
    case float(Double)
    case string(String)
  }

  private(set) var message = ONNXGraphProto()
  private var initializers: Set<String> = []

  init(name: String) { message.name = name }

  /// Appends a node with one output.
  mutating func add(
    _ type: String, _ inputs: [String], output: String,
    _ attributes: KeyValuePairs<String, Attribute> = [:]
  ) {
    message.node.append(
      .with { node in
        node.name = "\(output):\(type)"
        node.opType = type
        node.input = inputs
        node.output = [output]
        node.attribute = attributes.map(Self.message)
      })
  }

  /// Adds a float32 tensor that is known; once under its name.
  mutating func initialize(_ name: String, shape: [Int], _ values: [Float]) {
    initialize(name, shape, .float, values.withUnsafeBytes { Data($0) })
  }

  /// Adds a list of integers that is known; once under its name.
  mutating func initialize(_ name: String, _ integers: [Int]) {
    let values = integers.map { Int64($0) }
    initialize(name, [values.count], .int64, values.withUnsafeBytes { Data($0) })
  }

  private mutating func initialize(
    _ name: String, _ shape: [Int], _ type: ONNXTensorProto.DataType, _ data: Data
  ) {
    guard initializers.insert(name).inserted else { return }
    message.initializer.append(
      .with { tensor in
        tensor.name = name
        tensor.dims = shape.map { Int64($0) }
        tensor.dataType = Int32(type.rawValue)
        tensor.rawData = data
      })
  }

  /// The axis that has as many entries as there are examples.
  static let examples = "N"

  /// Says that `name` is a float32 tensor that comes from outside: [N] and these extents.
  mutating func input(_ name: String, extents: [Int]) {
    message.input.append(Self.value(name, extents))
  }

  /// Says that `name`, [N] and these extents, is what the graph is for.
  mutating func output(_ name: String, extents: [Int]) {
    message.output.append(Self.value(name, extents))
  }

  private static func value(_ name: String, _ extents: [Int]) -> ONNXValueInfoProto {
    .with { value in
      value.name = name
      value.type.tensorType.elemType = Int32(ONNXTensorProto.DataType.float.rawValue)
      value.type.tensorType.shape.dim =
        [.with { $0.dimParam = examples }]
        + extents.map { extent in .with { $0.dimValue = Int64(extent) } }
    }
  }

  private static func message(_ name: String, _ attribute: Attribute) -> ONNXAttributeProto {
    .with { message in
      message.name = name
      switch attribute {
      case .int(let value):
        message.type = .int
        message.i = Int64(value)
      case .ints(let values):
        message.type = .ints
        message.ints = values.map { Int64($0) }
      case .float(let value):
        message.type = .float
        message.f = Float(value)
      case .string(let value):
        message.type = .string
        message.s = Data(value.utf8)
      }
    }
  }
}
