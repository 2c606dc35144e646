import Replicas
import Testing

/// The contract's sum over leaves, written out with parentheses: split at the largest power of two below the count.
private func writtenOut(_ leaves: ArraySlice<Int>) -> String {
  guard leaves.count > 1 else { return leaves.map { "r\($0)" }.joined() }
  let power = [32, 16, 8, 4, 2, 1].first { $0 < leaves.count } ?? 1
  return "(" + writtenOut(leaves.prefix(power)) + "+" + writtenOut(leaves.dropFirst(power)) + ")"
}

/// Evaluates a list of partial sums on a stack, as a kernel does; nil where it does not end with one sum.
private func evaluated(_ terms: [String], merges: [Int32]) -> String? {
  var stack: [String] = []
  for (term, additions) in zip(terms, merges) {
    stack.append(term)
    for _ in 0..<additions {
      guard let right = stack.popLast(), let left = stack.popLast() else { return nil }
      stack.append("(\(left)+\(right))")
    }
  }
  return stack.count == 1 && terms.count == merges.count ? stack[0] : nil
}

private func leaves(_ range: Range<Int>) -> [Range<Int>] { range.map { $0..<$0 + 1 } }

/// All nodes of the contract's tree.
private func nodes(_ range: Range<Int>) -> [Range<Int>] {
  guard range.count > 1 else { return [range] }
  let power = [32, 16, 8, 4, 2, 1].first { $0 < range.count } ?? 1
  let split = range.lowerBound + power
  return [range] + nodes(range.lowerBound..<split) + nodes(split..<range.upperBound)
}

@Suite struct ReductionTreeTests {
  @Test(arguments: [
    (1, [0]), (2, [0, 1]), (3, [0, 1, 1]), (5, [0, 1, 0, 2, 1]), (7, [0, 1, 0, 2, 0, 1, 2]),
    (8, [0, 1, 0, 2, 0, 1, 0, 3]),
  ])
  func singleReplicasMergeLikeABinaryCounter(count: Int, merges: [Int32]) {
    #expect(ReductionTree(count: count).merges(of: leaves(0..<count)) == merges)
  }

  @Test func eightReplicasAreAddedAsTheContractSays() {
    let merges = ReductionTree(count: 8).merges(of: leaves(0..<8))
    let sum = evaluated((0..<8).map { "r\($0)" }, merges: merges)
    #expect(sum == "(((r0+r1)+(r2+r3))+((r4+r5)+(r6+r7)))")
  }

  /// Every way to cut the replicas into contiguous runs: bit i of `cuts` cuts after replica i.
  @Test(arguments: 1...16)
  func everyPlacementGivesTheSameSum(count: Int) {
    let tree = ReductionTree(count: count)
    let expected = writtenOut(Array(0..<count)[...])
    var differing: [Int] = []
    for cuts in 0..<(1 << (count - 1)) {
      let ends = (0..<count).filter { $0 == count - 1 || cuts >> $0 & 1 == 1 }.map { $0 + 1 }
      let runs = zip([0] + ends, ends).map { $0..<$1 }
      let partials = runs.flatMap { tree.subtrees(covering: $0) }
      // Each worker adds its own subtrees, then the partial sums of all are added.
      let terms = partials.map { partial in
        evaluated(partial.map { "r\($0)" }, merges: tree.merges(of: leaves(partial))) ?? ""
      }
      if evaluated(terms, merges: tree.merges(of: partials)) != expected { differing.append(cuts) }
    }
    #expect(differing.isEmpty)
  }

  @Test(arguments: 1...16)
  func subtreesAreTheMaximalNodesInsideARun(count: Int) {
    let all = nodes(0..<count)
    for start in 0..<count {
      for end in (start + 1)...count {
        let inside = all.filter { start <= $0.lowerBound && $0.upperBound <= end }
        let maximal = inside.filter { node in
          !inside.contains {
            $0 != node && $0.lowerBound <= node.lowerBound && node.upperBound <= $0.upperBound
          }
        }
        #expect(
          ReductionTree(count: count).subtrees(covering: start..<end)
            == maximal.sorted { $0.lowerBound < $1.lowerBound })
      }
    }
  }

  @Test func anEmptyRunHasNoSubtrees() {
    #expect(ReductionTree(count: 8).subtrees(covering: 3..<3).isEmpty)
  }
}
