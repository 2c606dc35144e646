import TestSupport

extension SeededNumbers {
  mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  mutating func shape(rank: Int, extents: ClosedRange<Int>) -> [Int] {
    (0..<rank).map { _ in integer(extents) }
  }
}
