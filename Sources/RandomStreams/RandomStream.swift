/// Random numbers without a state: a value depends on (seed, stream, step, example, element) alone,
/// so that it is the same wherever, and in whatever order, it is drawn.
///
/// Philox4x32-10 (Salmon et al. 2011) with key = seed and counter = (element / 4, example, step,
/// stream).
package struct RandomStream: Sendable {
  /// The FNV-1a hash of the stream's name: the last word of the counter.
  package let identifier: UInt32
  private let key: (UInt32, UInt32)

  package init(seed: UInt64, name: String) {
    identifier = name.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// The four words of one counter.
  package func words(
    block: UInt32, example: UInt32, step: UInt32
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    Philox.block(counter: (block, example, step, identifier), key: key)
  }

  package func word(element: Int, example: Int, step: Int) -> UInt32 {
    let words = words(
      block: UInt32(truncatingIfNeeded: element / 4), example: UInt32(truncatingIfNeeded: example),
      step: UInt32(truncatingIfNeeded: step))
    return switch element % 4 {
    case 0: words.0
    case 1: words.1
    case 2: words.2
    default: words.3
    }
  }

  /// Uniform in (0, 1), of 24 bits.
  package func uniform(element: Int, example: Int, step: Int) -> Double {
    Self.uniform(word(element: element, example: example, step: step))
  }

  /// Uniform in 0 ..< bound, by multiplication.
  package func integer(below bound: Int, element: Int, example: Int, step: Int) -> Int {
    Int((UInt64(word(element: element, example: example, step: step)) * UInt64(bound)) >> 32)
  }

  static func uniform(_ word: UInt32) -> Double { (Double(word >> 8) + 0.5) * 0x1p-24 }
}
