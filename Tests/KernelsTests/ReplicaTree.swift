/// The tree of the determinism contract, told once more and recursively: leaves split at the
/// largest power of two below their number.
enum ReplicaTree {
  private static func split(_ count: Int) -> Int {
    var half = 1
    while 2 * half < count { half *= 2 }
    return half
  }

  /// How many additions follow each leaf in a stack's evaluation.
  static func merges(_ count: Int) -> [Int32] {
    if count == 1 { return [0] }
    let half = split(count)
    var merges = self.merges(half) + self.merges(count - half)
    merges[count - 1] += 1
    return merges
  }

  /// The sum of the leaves along the tree, in float32.
  static func sum(_ leaves: ArraySlice<[Float]>) -> [Float] {
    if leaves.count == 1 { return leaves[leaves.startIndex] }
    let middle = leaves.startIndex + split(leaves.count)
    return zip(sum(leaves[..<middle]), sum(leaves[middle...])).map { $0 + $1 }
  }
}
