import Program

extension FuzzTarget {
  /// The text form of a program.
  static let program = FuzzTarget("program") { bytes in
    let program = try ReplicaProgram(text: String(decoding: bytes, as: UTF8.self))
    let text = program.description
    let again = try? ReplicaProgram(text: text)
    precondition(again?.description == text, "another program is read from what was printed")
  }
}
