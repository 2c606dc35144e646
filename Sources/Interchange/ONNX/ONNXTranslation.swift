import Program
import RunFiles

/// Translates a program of images from noise to ONNX, operation by operation, for any number of examples.
///
/// | operation | ONNX |
/// |---|---|
/// | `variable`, `constant` | an initializer; a convolution's kernel as [out, in, height, width] |
/// | arithmetic, activations | `Add`, `Sub`, …, `Relu`, `LeakyRelu`, `Tanh`, `Sigmoid`, `Clip` |
/// | `product` of rows and a matrix | `MatMul` |
/// | `reshape`, `transpose`, `pad` | `Reshape`, `Transpose`, `Pad`; examples stay the first axis |
/// | `convolution` | `Conv` between two `Transpose`, to channels first and back |
/// | `resize` to the nearest pixel, `upscale` | `Resize`, of whole factors |
/// | `stopGradient` | `Identity` |
struct ONNXTranslation {
  private let program: ReplicaProgram
  private let weights: [String: NamedTensor]
  private let output: ReplicaProgram.Output
  private var graph: ONNXGraph
  private var definitions: [Value: Instruction] = [:]
  /// The values that have an entry for each example, along their first axis.
  private var ofExamples: Set<Value> = []
  /// How a variable that is an initializer lies in it.
  private var orders: [String: AxisOrder] = [:]

  /// - Parameters:
  ///   - program: has inputs whose first axis is the examples, and one output.
  ///   - weights: of every variable that the program reads, by its name.
  /// - Throws: `InterchangeError.operation`
  static func graph(
    of program: ReplicaProgram, weights: [String: NamedTensor]
  ) throws(InterchangeError) -> ONNXGraphProto {
    precondition(program.outputs.count == 1, "one output")
    var translation = ONNXTranslation(program, weights)
    for instruction in program.instructions { try translation.add(instruction) }
    let shape = program.shape(of: translation.output.value)
    translation.graph.output(
      translation.output.name, extents: Array(shape.dimensions.dropFirst()))
    return translation.graph.message
  }

  private init(_ program: ReplicaProgram, _ weights: [String: NamedTensor]) {
    self.program = program
    self.weights = weights
    output = program.outputs[0]
    graph = ONNXGraph(name: program.name)
    for instruction in program.instructions {
      for result in instruction.results { definitions[result] = instruction }
    }
  }

  private mutating func add(_ instruction: Instruction) throws(InterchangeError) {
    let result = instruction.results[0]
    let name = name(of: result)
    if instruction.operands.contains(where: ofExamples.contains) { ofExamples.insert(result) }
    switch instruction.operation {
    case .input(let input, let shape):
      graph.input(input, extents: Array(shape.dimensions.dropFirst()))
      ofExamples.insert(result)
    case .variable: break  // Where it is used.
    case .constant(let number, let shape):
      graph.initialize(
        name, shape: shape.dimensions, Array(repeating: Float(number), count: shape.count))
    case .elementwise(let function): try add(function, instruction, name)
    case .product(.plain): graph.add("MatMul", try operands(instruction), output: name)
    case .reshape(let shape): try addReshape(instruction, shape.dimensions, name)
    case .transpose(let permutation):
      try require(!isOfExamples(instruction) || permutation.first == 0, instruction, Self.moved)
      graph.add(
        "Transpose", try operands(instruction), output: name, ["perm": .ints(permutation)])
    case .pad(let low, let high):
      try require(
        !isOfExamples(instruction) || (low.first == 0 && high.first == 0), instruction, Self.moved)
      graph.initialize("\(name)/pads", low + high)
      graph.add("Pad", try operands(instruction) + ["\(name)/pads"], output: name)
    case .convolution(let attributes): try addConvolution(instruction, attributes, name)
    case .resize(.nearest, _, _), .upscale: try addUpscale(instruction, name)
    case .stopGradient: graph.add("Identity", try operands(instruction), output: name)
    default: throw Self.refusal(instruction, "there is no translation for it")
    }
  }

  // MARK: - Values

  private func name(of value: Value) -> String {
    if value == output.value { return output.name }
    guard let instruction = definitions[value] else { return value.description }
    switch instruction.operation {
    case .input(let name, _), .variable(let name): return name
    default: return "\(instruction.layer)/\(value.index)"
    }
  }

  private mutating func operands(_ instruction: Instruction) throws(InterchangeError) -> [String] {
    var names: [String] = []
    for operand in instruction.operands {
      if case .variable(let name)? = definitions[operand]?.operation {
        try initialize(name, .kept(program.shape(of: operand).dimensions), for: instruction)
      }
      names.append(name(of: operand))
    }
    return names
  }

  private mutating func initialize(
    _ variable: String, _ order: AxisOrder, for instruction: Instruction
  ) throws(InterchangeError) {
    guard let tensor = weights[variable] else {
      throw Self.refusal(instruction, "\(variable) has no values")
    }
    try require(
      orders[variable, default: order] == order, instruction,
      "\(variable) is also used in another order of its axes")
    orders[variable] = order
    graph.initialize(variable, shape: order.result, order(tensor.values))
  }

  private func isOfExamples(_ instruction: Instruction) -> Bool {
    ofExamples.contains(instruction.results[0])
  }

  // MARK: - Operations

  private mutating func add(
    _ function: Elementwise, _ instruction: Instruction, _ name: String
  ) throws(InterchangeError) {
    var operands = try operands(instruction)
    var attributes: KeyValuePairs<String, ONNXGraph.Attribute> = [:]
    let type: String
    switch function {
    case .negate: type = "Neg"
    case .exp: type = "Exp"
    case .log: type = "Log"
    case .squareRoot: type = "Sqrt"
    case .square: (type, operands) = ("Mul", operands + operands)
    case .absolute: type = "Abs"
    case .tanh: type = "Tanh"
    case .sigmoid: type = "Sigmoid"
    case .leakyReLU(slope: 0): type = "Relu"
    case .leakyReLU(let slope): (type, attributes) = ("LeakyRelu", ["alpha": .float(slope)])
    case .clamp(let low, let high):
      type = "Clip"
      for (bound, number) in [("low", low), ("high", high)] {
        graph.initialize("\(name)/\(bound)", shape: [], [Float(number)])
        operands.append("\(name)/\(bound)")
      }
    case .add: type = "Add"
    case .subtract: type = "Sub"
    case .multiply: type = "Mul"
    case .divide: type = "Div"
    case .maximum: type = "Max"
    case .minimum: type = "Min"
    case .greater, .tanhGradient, .sigmoidGradient, .leakyReLUGradient, .clampGradient:
      throw Self.refusal(instruction, "there is no translation for it")
    }
    graph.add(type, operands, output: name, attributes)
  }

  private mutating func addReshape(
    _ instruction: Instruction, _ shape: [Int], _ name: String
  ) throws(InterchangeError) {
    var extents = shape
    if isOfExamples(instruction) {
      let before = program.shape(of: instruction.operands[0]).dimensions
      try require(before.first == shape.first && !shape.isEmpty, instruction, Self.moved)
      // As many as there are.
      extents[0] = 0
    }
    graph.initialize("\(name)/shape", extents)
    graph.add("Reshape", try operands(instruction) + ["\(name)/shape"], output: name)
  }

  private mutating func addConvolution(
    _ instruction: Instruction, _ attributes: ConvolutionAttributes, _ name: String
  ) throws(InterchangeError) {
    let (images, kernel) = (instruction.operands[0], instruction.operands[1])
    try require(program.shape(of: images).rank == 4, instruction, "its images have several axes")
    guard case .variable(let kernelName)? = definitions[kernel]?.operation else {
      throw Self.refusal(instruction, "its kernel is computed")
    }
    let shape = program.shape(of: kernel).dimensions
    try initialize(
      kernelName, AxisOrder(extents: shape, permutation: [3, 2, 0, 1]), for: instruction)
    graph.add(
      "Transpose", [self.name(of: images)], output: "\(name)/images", ["perm": .ints([0, 3, 1, 2])])
    graph.add(
      "Conv", ["\(name)/images", kernelName], output: "\(name)/convolution",
      [
        "kernel_shape": .ints([shape[0], shape[1]]), "strides": .ints(attributes.strides),
        "pads": .ints(attributes.low + attributes.high),
      ])
    graph.add(
      "Transpose", ["\(name)/convolution"], output: name, ["perm": .ints([0, 2, 3, 1])])
  }

  private mutating func addUpscale(
    _ instruction: Instruction, _ name: String
  ) throws(InterchangeError) {
    let before = program.shape(of: instruction.operands[0]).dimensions
    let after = program.shape(of: instruction.results[0]).dimensions
    try require(
      zip(after, before).allSatisfy { $0.isMultiple(of: $1) }, instruction,
      "its factors are no whole numbers")
    graph.initialize(
      "\(name)/scales", shape: [before.count], zip(after, before).map { Float($0 / $1) })
    graph.add(
      "Resize", try operands(instruction) + ["", "\(name)/scales"], output: name,
      [
        "mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"),
        "nearest_mode": .string("floor"),
      ])
  }

  // MARK: - Refusals

  private static let moved = "examples do not stay its first axis"

  private static func refusal(_ instruction: Instruction, _ detail: String) -> InterchangeError {
    .operation(instruction.operation.mnemonic, layer: instruction.layer, detail: detail)
  }

  private func require(
    _ condition: Bool, _ instruction: Instruction, _ detail: String
  ) throws(InterchangeError) {
    if !condition { throw Self.refusal(instruction, detail) }
  }
}
