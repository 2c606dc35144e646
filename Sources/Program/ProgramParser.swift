extension ReplicaProgram {
  /// Reads the text form that `description` prints, and verifies the program.
  ///
  /// - Throws: `ProgramError.text` naming the line, or `.constraint` where the program is unsound.
  package init(text: String) throws(ProgramError) {
    var parser = ProgramParser(text: text)
    self = try parser.parse()
    try verify()
  }
}

/// A recursive-descent reader over one line at a time; the text is taken as hostile.
private struct ProgramParser {
  private let lines: [Substring]
  private var line = 0
  private var rest: Substring = ""

  init(text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false) }

  mutating func parse() throws(ProgramError) -> ReplicaProgram {
    try nextLine()
    try expect("program")
    var program = ReplicaProgram(name: try string())
    try expect("{")
    var types: [Int: TensorType] = [:]
    while true {
      try nextLine()
      if take("}") { break }
      if take("variable ") {
        program.variables.append(try variable())
      } else if take("output ") {
        program.outputs.append(ReplicaProgram.Output(name: try string(), value: try value()))
      } else if take("assign ") {
        program.updates.append(.assign(variable: try string(), value: try value()))
      } else if take("adam ") {
        program.updates.append(try adam())
      } else {
        program.instructions.append(try instruction(&types))
      }
      try expectEndOfLine()
    }
    try expectEndOfLine()
    // Values are numbered densely in printed programs; a gap, as a dead value leaves it, is never
    // read.
    let count = (types.keys.max() ?? -1) + 1
    guard count <= 4 * types.count + 1024 else { throw failure("value numbers are not dense") }
    program.types = (0..<count).map { types[$0] ?? TensorType([], .replicated) }
    return program
  }

  private mutating func variable() throws(ProgramError) -> Variable {
    let name = try string()
    let type = try type()
    guard let role = Variable.Role(rawValue: try word()) else {
      throw failure("\"parameter\" or \"state\" is expected")
    }
    guard let initial = InitialValue(attributes: try attributes()) else {
      throw failure("an initial value is expected: {value}, {bound} or {mean, deviation}")
    }
    return Variable(name: name, type: type, role: role, initial: initial)
  }

  private mutating func adam() throws(ProgramError) -> Update {
    var parameters: [String] = []
    var gradients: [Value] = []
    repeat {
      parameters.append(try string())
      gradients.append(try value())
    } while take(",")
    guard let adam = Adam(attributes: try attributes()) else {
      throw failure("an Adam's learning_rate, beta1, beta2, epsilon and variant are expected")
    }
    return .adam(adam, parameters: parameters, gradients: gradients)
  }

  private mutating func instruction(
    _ types: inout [Int: TensorType]
  ) throws(ProgramError) -> Instruction {
    let results = try values()
    try expect("=")
    let mnemonic = try word()
    let operands = peek("%") ? try values() : []
    guard
      let operation = Operation(mnemonic: mnemonic, attributes: try attributes())
    else { throw failure("\"\(mnemonic)\" with these attributes is no operation") }
    try expect(":")
    for (position, result) in results.enumerated() {
      if position > 0 { try expect(",") }
      types[result.index] = try type()
    }
    let layer = take("@") ? try string() : ""
    return Instruction(operation, operands, results: results, layer: layer)
  }

  private mutating func values() throws(ProgramError) -> [Value] {
    var values = [try value()]
    while take(",") { values.append(try value()) }
    return values
  }

  private mutating func value() throws(ProgramError) -> Value {
    try expect("%")
    guard let index = Int(prefix { $0.isNumber }), index >= 0, index < 1 << 24 else {
      throw failure("a value, such as %3, is expected")
    }
    return Value(index: index)
  }

  private mutating func type() throws(ProgramError) -> TensorType {
    let distribution: Distribution = take("each") ? .perReplica : .replicated
    let numbers = try numbers()
    let dimensions = numbers.compactMap(Int.init(exactly:))
    guard dimensions.count == numbers.count, dimensions.count <= 32 else {
      throw failure("a shape, such as [8, 256], is expected")
    }
    return TensorType(Shape(dimensions), distribution)
  }

  private mutating func attributes() throws(ProgramError) -> [String: Attribute] {
    var attributes: [String: Attribute] = [:]
    guard take("{") else { return attributes }
    repeat {
      let key = try word()
      try expect("=")
      let attribute: Attribute =
        if peek("[") {
          try list()
        } else if peek("\"") {
          .string(try string())
        } else {
          .number(try number())
        }
      guard attributes.updateValue(attribute, forKey: key) == nil else {
        throw failure("the attribute \"\(key)\" is given twice")
      }
    } while take(",")
    try expect("}")
    return attributes
  }

  private mutating func numbers() throws(ProgramError) -> [Double] {
    guard case .numbers(let numbers) = try list() else { throw failure("numbers are expected") }
    return numbers
  }

  private mutating func list() throws(ProgramError) -> Attribute {
    try expect("[")
    if take("]") { return .numbers([]) }
    let attribute: Attribute
    if peek("\"") {
      var strings: [String] = []
      repeat { strings.append(try string()) } while take(",")
      attribute = .strings(strings)
    } else {
      var numbers: [Double] = []
      repeat { numbers.append(try number()) } while take(",")
      attribute = .numbers(numbers)
    }
    try expect("]")
    return attribute
  }

  private mutating func number() throws(ProgramError) -> Double {
    guard let number = Double(prefix { $0.isLetter || $0.isNumber || "+-.".contains($0) }) else {
      throw failure("a number is expected")
    }
    return number
  }

  private mutating func string() throws(ProgramError) -> String {
    try expect("\"")
    let text = prefix { $0 != "\"" }
    try expect("\"")
    return String(text)
  }

  private mutating func word() throws(ProgramError) -> String {
    let word = prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    guard !word.isEmpty else { throw failure("a word is expected") }
    return String(word)
  }

  // Characters.

  private mutating func nextLine() throws(ProgramError) {
    repeat {
      guard line < lines.count else { throw failure("the text ends before the closing brace") }
      rest = lines[line]
      line += 1
      skipSpaces()
    } while rest.isEmpty
  }

  private mutating func prefix(while belongs: (Character) -> Bool) -> Substring {
    skipSpaces()
    let prefix = rest.prefix(while: belongs)
    rest = rest.dropFirst(prefix.count)
    return prefix
  }

  private mutating func peek(_ text: String) -> Bool {
    skipSpaces()
    return rest.hasPrefix(text)
  }

  private mutating func take(_ text: String) -> Bool {
    guard peek(text) else { return false }
    rest = rest.dropFirst(text.count)
    return true
  }

  private mutating func expect(_ text: String) throws(ProgramError) {
    guard take(text) else { throw failure("\"\(text)\" is expected before \"\(rest.prefix(20))\"") }
  }

  private mutating func expectEndOfLine() throws(ProgramError) {
    skipSpaces()
    guard rest.isEmpty else { throw failure("\"\(rest.prefix(20))\" is left over") }
  }

  private mutating func skipSpaces() { rest = rest.drop { $0 == " " || $0 == "\t" } }

  private func failure(_ detail: String) -> ProgramError { .text(line: line, detail: detail) }
}
