import Foundation
import Program
import Testing

struct ProgramTextTests {
  @Test func everyOperationPrintsAndParsesBack() throws {
    let program = try ReplicaProgram.everyOperation()
    let parsed = try ReplicaProgram(text: program.description)
    #expect(parsed == program)
    #expect(parsed.description == program.description)
  }

  /// Every operation has its heading or its row in `docs/operations.md`, and nothing else has.
  @Test func everyOperationIsDocumented() throws {
    let document = URL(filePath: #filePath)
      .deletingLastPathComponent().appending(path: "../../docs/operations.md")
    let operations = try #require(
      try String(contentsOf: document, encoding: .utf8).split(separator: "\n## The fusions").first)
    let documented = operations.split(separator: "\n")
      .compactMap { $0.prefixMatch(of: #/(?:### |\| )`([a-z_]+)`(?: \{.*\})?(?: \||$)/#)?.1 }
    let printed = Set(try ReplicaProgram.everyOperation().instructions.map(\.operation.mnemonic))
    #expect(documented.map(String.init).sorted() == printed.sorted())
  }

  @Test func textIsReadableByHand() throws {
    let text = """
      program "by hand" {

        variable "w" [2, 3] parameter {bound = 0.5}
      \t%4 = input { name = "x" , shape = [ 8, 2 ] }  : each [8,2] @ "net"
        %7=variable{name="w"}:[2,3]
        %9 = product_plain %4,%7 : each [8, 3]
        output "y" %9
      }
      """
    let program = try ReplicaProgram(text: text)
    #expect(program.output(named: "y") == Value(index: 9))
    #expect(program.type(of: Value(index: 9)) == TensorType([8, 3], .perReplica))
    #expect(program.instructions.map(\.layer) == ["net", "", ""])
    #expect(try ReplicaProgram(text: program.description) == program)
  }

  @Test(arguments: [0.1, 1e-7, -1.5, 1e300, 2.2250738585072014e-308, 3, -2, 0.30000000000000004])
  func numbersKeepTheirBits(_ number: Double) throws {
    let builder = ProgramBuilder(name: "number")
    builder.output("y", builder.constant(number))
    let parsed = try ReplicaProgram(text: builder.finish().description)
    guard case .constant(let read, _) = parsed.instructions[0].operation else {
      Issue.record("\(parsed)")
      return
    }
    #expect(read.bitPattern == number.bitPattern)
  }

  private static let unreadable: [(String, String)] = [
    ("%0 = magic : []", "line 2: \"magic\" with these attributes is no operation"),
    (
      "%0 = constant {value = 1} : []",
      "line 2: \"constant\" with these attributes is no operation"
    ),
    (
      "%0 = constant {value = 1, shape = [], slope = 2} : []",
      "line 2: \"constant\" with these attributes is no operation"
    ),
    (
      "%0 = constant {value = 1, shape = [1.5]} : []",
      "line 2: \"constant\" with these attributes is no operation"
    ),
    (
      "%0 = constant {value = 1, value = 1, shape = []} : []",
      "line 2: the attribute \"value\" is given twice"
    ),
    ("%0 = constant {value = one, shape = []} : []", "line 2: a number is expected"),
    ("%0 constant : []", "line 2: \"=\" is expected before \"constant : []\""),
    ("%x = constant : []", "line 2: a value, such as %3, is expected"),
    ("%99999999999 = constant : []", "line 2: a value, such as %3, is expected"),
    (
      "%9999999 = constant {value = 1, shape = []} : []",
      "line 3: value numbers are not dense"
    ),
    (
      "%0 = constant {value = 1, shape = []} : [1e400]",
      "line 2: a shape, such as [8, 256], is expected"
    ),
    (
      "%0 = constant {value = 1, shape = []} : [] trailing",
      "line 2: \"trailing\" is left over"
    ),
    ("output \"y\" 3", "line 2: \"%\" is expected before \"3\""),
    ("output \"y %3", "line 2: \"\"\" is expected before \"\""),
    ("variable \"w\" [2] trained {value = 1}", "line 2: \"parameter\" or \"state\" is expected"),
    (
      "variable \"w\" [2] state {mean = 1}",
      "line 2: an initial value is expected: {value}, {bound} or {mean, deviation}"
    ),
    (
      "adam \"w\" %3 {beta1 = 1}",
      "line 2: an Adam's learning_rate, beta1, beta2, epsilon and variant are expected"
    ),
  ]

  @Test(arguments: unreadable)
  func unreadableTextNamesItsLine(_ line: String, _ message: String) throws {
    let error = try #require(throws: ProgramError.self) {
      try ReplicaProgram(text: "program \"unreadable\" {\n\(line)\n}\n")
    }
    #expect(error.description == "program text, \(message)")
  }

  @Test(arguments: [
    ("", "line 1: the text ends before the closing brace"),
    ("module \"m\" {\n}", "line 1: \"program\" is expected before \"module \"m\" {\""),
    ("program \"p\" {\n", "line 2: the text ends before the closing brace"),
    ("program \"p\" {\n} }", "line 2: \"}\" is left over"),
  ])
  func unreadableOutside(_ text: String, _ message: String) throws {
    let error = try #require(throws: ProgramError.self) { try ReplicaProgram(text: text) }
    #expect(error.description == "program text, \(message)")
  }
}
