import ProgramPasses
import Testing

struct ParameterLayoutTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 15, 16, 17, 127, 128, 129, 100_003])
  func stretchesAreWholeCacheLinesThatCoverEverything(count: Int, values: Int) {
    for start in [0, 48] {
      let range = start..<(start + values)
      let stretches = (0..<count).map { ParameterLayout.stretch($0, of: count, in: range) }
      #expect(stretches.flatMap { Array($0) } == Array(range))
      #expect(stretches.allSatisfy { $0.lowerBound % 16 == 0 || $0.isEmpty })
      let lines = stretches.map { ($0.count + 15) / 16 }
      #expect(lines.reduce(0, max) - lines.reduce(values, min) <= 1)
    }
  }
}
