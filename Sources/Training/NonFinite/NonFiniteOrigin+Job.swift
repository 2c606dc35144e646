import Execution
import Foundation
import Replicas

extension NonFiniteOrigin {
  /// The first of what all processes have found; the same in all. Collective.
  ///
  /// - Parameter own: what this process has found; nil for nothing.
  package static func first(
    _ own: NonFiniteOrigin?, among communicator: any Communicator, step: Int
  ) throws(CommunicationError) -> NonFiniteOrigin? {
    let everyones = try communicator.gather(own?.bytes ?? [], to: 0, step: step)
    let first = everyones?.compactMap(NonFiniteOrigin.init(bytes:)).min()
    return NonFiniteOrigin(
      bytes: try communicator.broadcast(first?.bytes ?? [], from: 0, step: step))
  }

  /// JSON has no words for them.
  private static let words = (infinity: "inf", minusInfinity: "-inf", nan: "nan")

  private var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: Self.words.infinity, negativeInfinity: Self.words.minusInfinity,
      nan: Self.words.nan)
    return (try? encoder.encode(self)).map { Array($0) } ?? []
  }

  private init?(bytes: [UInt8]) {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: Self.words.infinity, negativeInfinity: Self.words.minusInfinity,
      nan: Self.words.nan)
    guard let origin = try? decoder.decode(NonFiniteOrigin.self, from: Data(bytes)) else {
      return nil
    }
    self = origin
  }
}
