/// The fixed order in which the values of replicas are added, whoever adds them.
///
/// A node over n > 1 replicas splits at the largest power of two below n, so that eight replicas
/// are added as ((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7)), and a worker can add the complete subtrees
/// inside its own run first without changing a bit of the result. A node is written as the range of
/// the replicas below it.
package struct ReductionTree: Hashable, Sendable {
  /// The number of leaves.
  package let count: Int

  package init(count: Int) {
    precondition(count >= 1, "a reduction tree has at least one leaf")
    self.count = count
  }

  /// The maximal subtrees whose leaves all lie in `run`, in the order of the replicas.
  ///
  /// - Complexity: O(log `count`).
  package func subtrees(covering run: Range<Int>) -> [Range<Int>] {
    precondition(0 <= run.lowerBound && run.upperBound <= count, "a run lies within the tree")
    var covering: [Range<Int>] = []
    func visit(_ node: Range<Int>) {
      if !node.overlaps(run) { return }
      if run.lowerBound <= node.lowerBound, node.upperBound <= run.upperBound {
        covering.append(node)
        return
      }
      let (left, right) = Self.children(of: node)
      visit(left)
      visit(right)
    }
    visit(0..<count)
    return covering
  }

  /// The additions that follow each partial sum when the tree is evaluated on a stack: push partial
  /// i, then replace the two topmost entries by their sum `merges[i]` times. For eight single
  /// replicas 0, 1, 0, 2, 0, 1, 0, 3.
  ///
  /// - Parameter partials: disjoint subtrees, in the order of the replicas, that together are one subtree or the whole.
  package func merges(of partials: [Range<Int>]) -> [Int32] {
    guard let first = partials.first, let last = partials.last else {
      preconditionFailure("a sum has at least one partial sum")
    }
    var merges: [Int32] = []
    func evaluate(_ node: Range<Int>) {
      precondition(merges.count < partials.count, "partial sums cover the whole subtree")
      if partials[merges.count] == node {
        merges.append(0)
        return
      }
      precondition(node.count > 1, "partial sums are subtrees, in order")
      let (left, right) = Self.children(of: node)
      evaluate(left)
      evaluate(right)
      merges[merges.count - 1] += 1
    }
    evaluate(subtree(over: first.lowerBound..<last.upperBound))
    precondition(merges.count == partials.count, "partial sums do not overlap")
    return merges
  }

  private func subtree(over span: Range<Int>) -> Range<Int> {
    var node = 0..<count
    while node != span {
      precondition(node.count > 1, "partial sums together cover one subtree")
      let (left, right) = Self.children(of: node)
      node = span.lowerBound < left.upperBound ? left : right
    }
    return node
  }

  private static func children(of node: Range<Int>) -> (left: Range<Int>, right: Range<Int>) {
    var power = 1
    while 2 * power < node.count { power *= 2 }
    let split = node.lowerBound + power
    return (node.lowerBound..<split, split..<node.upperBound)
  }
}

/// An order of additions: along the tree over all replicas, or, of nil, any.
extension ReductionTree? {
  /// What is added of a run before anything else: its complete subtrees, or all of it.
  func partials(of run: Range<Int>) -> [Range<Int>] { self?.subtrees(covering: run) ?? [run] }

  /// As `ReductionTree.merges(of:)`.
  func merges(of partials: [Range<Int>]) -> [Int32] {
    self?.merges(of: partials)
      ?? ReductionTree(count: partials.count).merges(of: partials.indices.map { $0..<($0 + 1) })
  }
}
