import CXXHash
import Execution

/// Something that must be the same in all processes, by its hash.
package struct Subject: Sendable {
  /// What one who differs has: "another configuration".
  package let difference: String
  /// Nil where the process has none of its own.
  package let hash: UInt64?

  package init(_ difference: String, hash: UInt64?) {
    self.difference = difference
    self.hash = hash
  }

  package init(_ difference: String, _ text: String) {
    self.init(
      difference, hash: Array(text.utf8).withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) })
  }
}

extension VariableStore {
  /// A hash of all parameters.
  package var parameterHash: UInt64 {
    XXH3_64bits(parameters.pointer, parameters.count * MemoryLayout<Float>.stride)
  }
}

extension Communicator {
  /// Makes sure that all participants have the same subjects; collective. A participant alone need not make them.
  ///
  /// - Throws: `CommunicationError.disagreement` in all, about the first who differs from participant 0.
  package func requireAgreement(
    on subjects: @autoclosure () -> [Subject], step: Int
  ) throws(CommunicationError) {
    if count == 1 { return }
    let subjects = subjects()
    var verdict: [Int] = []
    if let all = try gather(subjects.map(\.hash), to: 0, step: step) {
      search: for (participant, hashes) in all.enumerated() {
        for (subject, (own, other)) in zip(all[0], hashes).enumerated() {
          guard let own, let other, own != other else { continue }
          verdict = [participant, subject]
          break search
        }
      }
    }
    verdict = try broadcast(verdict, from: 0, step: step)
    if verdict.count == 2, participants.indices.contains(verdict[0]) {
      throw .disagreement(
        participants[verdict[0]],
        subject: subjects.indices.contains(verdict[1])
          ? subjects[verdict[1]].difference : "another program", with: participants[0])
    }
  }

  /// Does something in every process, and goes on only where it worked in all; collective.
  ///
  /// - Throws: what `body` threw; where it threw in others only, `CommunicationError.aborted`.
  package func together<Value>(_ body: () throws -> Value) throws -> Value {
    let outcome = Result { try body() }
    // The sentences of those who failed, by their indices.
    var own: [UInt8] = []
    if case .failure(let error) = outcome {
      own = withUnsafeBytes(of: participant) { Array($0) } + Array("\(error)".utf8)
    }
    var verdict = try gather(own, to: 0, step: 0)?.first { !$0.isEmpty } ?? []
    verdict = try broadcast(verdict, from: 0, step: 0)
    let value = try outcome.get()
    let length = MemoryLayout<Int>.size
    guard verdict.count >= length else { return value }
    let index = verdict.withUnsafeBytes { $0.loadUnaligned(as: Int.self) }
    throw CommunicationError.aborted(
      by: participants[min(max(index, 0), count - 1)],
      reason: String(decoding: verdict[length...], as: UTF8.self))
  }
}
