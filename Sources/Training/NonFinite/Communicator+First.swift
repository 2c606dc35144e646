import Foundation
import Replicas

extension Communicator {
  /// The least of what the processes have found; the same in all. Collective.
  ///
  /// - Parameter own: what this process has found; nil for nothing.
  package func first<Finding: Codable & Comparable>(
    _ own: Finding?, step: Int
  ) throws(CommunicationError) -> Finding? {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: numbers.infinity, negativeInfinity: numbers.minusInfinity,
      nan: numbers.nan)
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: numbers.infinity, negativeInfinity: numbers.minusInfinity,
      nan: numbers.nan)
    func bytes(_ finding: Finding?) -> [UInt8] {
      (try? finding.map { Array(try encoder.encode($0)) }) ?? []
    }
    func finding(_ bytes: [UInt8]) -> Finding? {
      try? decoder.decode(Finding.self, from: Data(bytes))
    }

    let everyones = try gather(bytes(own), to: 0, step: step)
    let least = everyones?.compactMap(finding).min()
    return finding(try broadcast(bytes(least), from: 0, step: step))
  }
}

/// JSON has no words for them.
private let numbers = (infinity: "inf", minusInfinity: "-inf", nan: "nan")
