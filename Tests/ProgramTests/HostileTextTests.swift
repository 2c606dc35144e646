import Program
import TestSupport
import Testing

/// Damaged text is a sound program or an error, never a trap.
struct HostileTextTests {
  private func expectProgramOrError(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) -> Bool {
    do {
      let program = try ReplicaProgram(text: text)
      // What was accepted prints, and its text is accepted.
      let printed = program.description
      #expect(
        try ReplicaProgram(text: printed).description == printed, "\(text)",
        sourceLocation: sourceLocation)
      return true
    } catch {
      #expect(!"\(error)".isEmpty, sourceLocation: sourceLocation)
      return false
    }
  }

  @Test func truncatedAtEveryLine() throws {
    let lines = try ReplicaProgram.everyOperation().description.split(separator: "\n")
    for count in 0..<lines.count {
      #expect(!expectProgramOrError(lines[..<count].joined(separator: "\n")))
    }
  }

  @Test func truncatedWithinEveryLine() throws {
    var numbers = SeededNumbers(seed: 1)
    let text = Array(try ReplicaProgram.everyOperation().description.utf8)
    for _ in 0..<150 {
      let count = Int.random(in: 0..<(text.count - 2), using: &numbers)
      #expect(!expectProgramOrError(String(decoding: text[..<count], as: UTF8.self)))
    }
  }

  /// A line dropped, doubled or moved.
  @Test func shuffledLines() throws {
    var numbers = SeededNumbers(seed: 2)
    let lines = try ReplicaProgram.everyOperation().description.split(separator: "\n").map(
      String.init)
    var accepted = 0
    for _ in 0..<150 {
      var damaged = lines
      let line = damaged.remove(at: Int.random(in: 0..<lines.count, using: &numbers))
      for _ in 0..<Int.random(in: 0...2, using: &numbers) {
        damaged.insert(line, at: Int.random(in: 0...damaged.count, using: &numbers))
      }
      if expectProgramOrError(damaged.joined(separator: "\n")) { accepted += 1 }
    }
    // Dropping an output is sound; dropping an instruction that is read is not.
    #expect(accepted > 0 && accepted < 150)
  }

  private static let bytes = Array("0123456789-+.eE%[]{}=,:\"@ \n\tnaif_\u{e9}\0".utf8)

  @Test(arguments: 0..<8)
  func changedBytes(_ seed: Int) throws {
    var numbers = SeededNumbers(seed: 100 + seed)
    let text = Array(try ReplicaProgram.everyOperation().description.utf8)
    for _ in 0..<50 {
      var damaged = text
      for _ in 0..<Int.random(in: 1...3, using: &numbers) {
        let position = Int.random(in: 0..<damaged.count, using: &numbers)
        let byte = Self.bytes[Int.random(in: 0..<Self.bytes.count, using: &numbers)]
        switch Int.random(in: 0..<3, using: &numbers) {
        case 0: damaged[position] = byte
        case 1: damaged.insert(byte, at: position)
        default: damaged.remove(at: position)
        }
      }
      _ = expectProgramOrError(String(decoding: damaged, as: UTF8.self))
    }
  }

  private static let numbers = [
    "0", "-1", "1099511627776", "1099511627777", "4611686018427387904", "9223372036854774784",
    "9223372036854775807", "-9223372036854775808", "1e19", "1e308", "nan", "-inf", "0.5",
    "16777215",
  ]

  /// One number of the text, wherever it stands, becomes an extreme one.
  @Test(arguments: numbers)
  func changedNumber(_ extreme: String) throws {
    var numbers = SeededNumbers(seed: 3)
    let text = try ReplicaProgram.everyOperation().description
    let places = text.ranges(of: #/-?[0-9][0-9.e\-]*/#)
    for _ in 0..<40 {
      let place = places[Int.random(in: 0..<places.count, using: &numbers)]
      _ = expectProgramOrError(text.replacingCharacters(in: place, with: extreme))
    }
  }

  private static let oversized: [String] = [
    // Declared, never computed: [2^62, 8] elements do not fit an Int.
    """
    variable "w" [4611686018427387904, 8] state {value = 0}
    %0 = variable {name = "w"} : [4611686018427387904, 8]
    %1 = reshape %0 {shape = [1]} : [1]
    """,
    """
    variable "w" [-1, 8] state {value = 0}
    """,
    """
    variable "w" [9223372036854774784] state {value = 0}
    %0 = variable {name = "w"} : [9223372036854774784]
    %1 = pad %0 {low = [1024], high = [1024]} : [1]
    """,
    // Products of operands that fit.
    """
    %0 = constant {value = 1, shape = [1099511627776, 1]} : [1099511627776, 1]
    %1 = constant {value = 1, shape = [1, 1099511627776]} : [1, 1099511627776]
    %2 = product_plain %0, %1 : [1099511627776, 1099511627776]
    %3 = reshape %2 {shape = [1]} : [1]
    """,
    """
    %0 = constant {value = 1, shape = [1, 1099511627776]} : [1, 1099511627776]
    %1 = product_transposed_left %0, %0 : [1099511627776, 1099511627776]
    """,
    """
    %0 = constant {value = 1, shape = [1099511627776, 1]} : [1099511627776, 1]
    %1 = product_transposed_right %0, %0 : [1099511627776, 1099511627776]
    """,
  ]

  @Test(arguments: oversized)
  func oversizedShapesAreRefused(_ lines: String) throws {
    let error = try #require(throws: ProgramError.self) {
      try ReplicaProgram(text: "program \"oversized\" {\n\(lines)\n}\n")
    }
    guard case .constraint(.positiveExtents, _, _, _, _) = error else {
      Issue.record("\(error)")
      return
    }
  }

  private static func adam(_ numbers: String) -> String {
    """
    variable "w" [2] parameter {value = 0}
    %0 = variable {name = "w"} : [2]
    adam "w" %0 {\(numbers), variant = "keras"}
    """
  }

  /// Numbers of a declaration or of Adam that no run can use.
  @Test(arguments: [
    "variable \"w\" [2] state {value = nan}", "variable \"w\" [2] state {bound = inf}",
    adam("learning_rate = nan, beta1 = 0.5, beta2 = 0.9, epsilon = 1"),
    adam("learning_rate = 0.1, beta1 = 1, beta2 = 0.9, epsilon = 1"),
    adam("learning_rate = 0.1, beta1 = 0.5, beta2 = -0.9, epsilon = 1"),
    adam("learning_rate = 0.1, beta1 = 0.5, beta2 = 0.9, epsilon = 0"),
  ])
  func impossibleNumbersAreRefused(_ lines: String) throws {
    let error = try #require(throws: ProgramError.self) {
      try ReplicaProgram(text: "program \"numbers\" {\n\(lines)\n}\n")
    }
    guard case .constraint(.numbers, _, _, _, _) = error else {
      Issue.record("\(error)")
      return
    }
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
  }
}
