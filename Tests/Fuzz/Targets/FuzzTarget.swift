/// A reader of bytes that may come from anybody.
///
/// Reading ends in a value that is used, or in an error with a sentence: never in a trap, a second of
/// work, or half a gigabyte. To add a target, write one as those beside this file, name it in `all`,
/// and put a few small files into `Tests/Fuzz/Corpora/<name>`.
package struct FuzzTarget: Sendable, CustomStringConvertible {
  /// Of its folder in `Tests/Fuzz/Corpora`.
  package let name: String
  /// Reads a file's bytes as the program would, and uses all that was read.
  package let read: @Sendable ([UInt8]) throws -> Void
  /// The same bytes with their check sums and lengths put right, so that what lies behind these is
  /// reached; nil where nothing can be put right.
  package let repaired: @Sendable ([UInt8]) -> [UInt8]?

  init(
    _ name: String, repaired: @escaping @Sendable ([UInt8]) -> [UInt8]? = { _ in nil },
    read: @escaping @Sendable ([UInt8]) throws -> Void
  ) {
    (self.name, self.read, self.repaired) = (name, read, repaired)
  }

  package var description: String { name }

  package static let all: [FuzzTarget] = [
    .checkpoint, .configuration, .idx, .pack, .program, .runTables, .safetensors,
  ]

  /// Reads the bytes as they are, and repaired. What is refused has a sentence.
  package func tryToRead(_ bytes: [UInt8]) {
    for bytes in [bytes, repaired(bytes)].compactMap({ $0 }) {
      do { try read(bytes) } catch { precondition(!"\(error)".isEmpty, "no sentence") }
    }
  }
}
