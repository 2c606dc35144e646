/// The bytes of an IDX file with any words in its header, right or wrong.
func idx(_ header: [UInt32], _ pixels: [UInt8]) -> [UInt8] {
  header.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
    + pixels
}

/// A right file of `count` images, whose pixels count up.
func idxImages(count: Int, height: Int, width: Int) -> [UInt8] {
  idx(
    [0x803, UInt32(count), UInt32(height), UInt32(width)],
    (0..<count * height * width).map { UInt8(truncatingIfNeeded: $0) })
}
