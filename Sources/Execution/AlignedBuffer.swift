/// Floats on a 64-byte boundary, zero at first, freed with their owner.
package final class AlignedBuffer: @unchecked Sendable {
  package let pointer: UnsafeMutablePointer<Float>
  package let count: Int
  /// What the memory belongs to, where it is not the buffer's own.
  private let owner: AnyObject?

  package init(count: Int) {
    self.count = count
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    pointer = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      .bindMemory(to: Float.self, capacity: max(count, 1))
    pointer.initialize(repeating: 0, count: max(count, 1))
    owner = nil
  }

  /// Memory of somebody else's, which lives as long as `owner`.
  package init(_ pointer: UnsafeMutablePointer<Float>, count: Int, owner: AnyObject) {
    self.pointer = pointer
    self.count = count
    self.owner = owner
  }

  /// A stretch of the buffer, which must begin at a multiple of 16.
  package subscript(range: Range<Int>) -> AlignedBuffer {
    precondition(0 <= range.lowerBound && range.upperBound <= count && range.lowerBound % 16 == 0)
    return AlignedBuffer(pointer + range.lowerBound, count: range.count, owner: self)
  }

  deinit { if owner == nil { pointer.deallocate() } }

  package var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }
}
