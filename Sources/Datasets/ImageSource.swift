/// Images that are addressed by row, so that each process reads only the rows of its own replicas.
///
/// The description says where the images come from, for the log.
package protocol ImageSource: Sendable, CustomStringConvertible {
  /// How many images there are, at least one.
  var count: Int { get }
  var shape: ImageShape { get }

  /// Writes image `row` (0 ..< count) as `shape.elementCount` values x/127.5 − 1 in HWC order.
  ///
  /// Called for every example of every step: implementations neither allocate nor lock.
  func read(row: Int, into destination: UnsafeMutablePointer<Float>) throws(DatasetError)
}

/// The value of a pixel of level 0 … 255 in [−1, 1]: x/127.5 − 1.
@inline(__always)
func pixelValue(_ level: UInt8) -> Float { Float(level) / 127.5 - 1 }
