import Synchronization

/// A bad image that was passed over.
package struct SkippedImage: Sendable, CustomStringConvertible {
  /// Its number among those that were passed over so far, from 1.
  package let number: Int
  package let error: DatasetError

  package var description: String { "bad image \(number) was skipped: \(error)" }
}

/// Images of which the bad ones are passed over: in the place of a bad one stands the next good one, so
/// that which image a row gives is a property of the data set alone.
final class SkippingImages: LevelSource {
  private let images: any LevelSource
  private let onSkip: @Sendable (SkippedImage) -> Void
  private let bad = Mutex<Set<Int>>([])

  /// - Parameter onSkip: hears of every bad image once, on any thread.
  init(_ images: any LevelSource, onSkip: @escaping @Sendable (SkippedImage) -> Void) {
    self.images = images
    self.onSkip = onSkip
  }

  var count: Int { images.count }
  var shape: ImageShape { images.shape }
  var files: [String] { images.files }
  var isSlow: Bool { images.isSlow }
  var description: String { images.description }

  /// Throws `allImagesBad`, and what is not one image's fault.
  func readLevels(
    row: Int, into destination: UnsafeMutablePointer<UInt8>
  ) throws(DatasetError) {
    var first: DatasetError?
    for offset in 0..<count {
      let candidate = (row + offset) % count
      do throws(DatasetError) {
        return try images.readLevels(row: candidate, into: destination)
      } catch {
        guard error.isOfOneImage else { throw error }
        if first == nil { first = error }
        note(candidate, error)
      }
    }
    throw .allImagesBad(
      source: description, count: count, example: first?.description ?? "")
  }

  private func note(_ row: Int, _ error: DatasetError) {
    let number = bad.withLock { $0.insert(row).inserted ? $0.count : nil }
    if let number { onSkip(SkippedImage(number: number, error: error)) }
  }
}
