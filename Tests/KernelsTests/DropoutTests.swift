import Kernels
import TestSupport
import Testing

struct DropoutTests {
  private func dropped(_ dropout: DropoutCase, _ x: [Float]) throws -> [Float] {
    let bench = try Workbench()
    let (source, y) = (bench.floats(x), bench.floats(count: x.count))
    bench.run(
      bench.factory.dropout(
        dropout.kernel, x: source.pointer, y: y.pointer, positions: dropout.positions,
        channels: dropout.channels))
    // In place as well.
    bench.run(
      bench.factory.dropout(
        dropout.kernel, x: source.pointer, y: source.pointer, positions: dropout.positions,
        channels: dropout.channels))
    expectSameBits(source.values, y.values)
    return y.values
  }

  /// Positions and channels that fill no vector, no word, and more than are drawn at a time.
  @Test(
    arguments: [(1, 1), (3, 5), (49, 64), (7, 20), (1, 130), (2, 9001), (300, 32)],
    [
      (0.25, false), (0.5, false), (0.75, true), (0.25, true), (0.1, false), (0.3, true),
      (0, false),
    ])
  func multipliersAreThoseOfTheStreams(
    size: (positions: Int, channels: Int), kind: (rate: Double, perChannel: Bool)
  ) throws {
    let dropout = DropoutCase(
      rate: kind.rate, perChannel: kind.perChannel, streams: 3, examples: 2,
      positions: size.positions, channels: size.channels)
    let multipliers = try dropped(dropout, Array(repeating: 1, count: dropout.count))
    expectSameBits(multipliers, dropout.multipliers.map { Float($0) })

    var numbers = SeededNumbers(seed: size.channels)
    let x = numbers.floats(dropout.count)
    expectClose(try dropped(dropout, x), zip(x, dropout.multipliers).map { Double($0) * $1 }) {
      0x1p-23 * Double(abs(x[$0])) / (1 - kind.rate)
    }
  }

  /// 2¹⁸ decisions: six standard deviations are 0.006 at most.
  @Test(arguments: [0.25, 0.5, 0.75, 0.1, 0.3])
  func asManyAreDroppedAsTheRateSays(rate: Double) throws {
    let dropout = DropoutCase(
      rate: rate, perChannel: false, streams: 1, examples: 4, positions: 1024, channels: 64)
    let y = try dropped(dropout, Array(repeating: 1, count: dropout.count))
    let share = Double(y.filter { $0 == 0 }.count) / Double(y.count)
    #expect(abs(share - rate) < 0.006)
    let mean = y.reduce(0) { $0 + Double($1) } / Double(y.count)
    #expect(abs(mean - 1) < 0.006 / (1 - rate))
  }

  @Test func decisionsDifferBetweenStepsExamplesAndStreams() throws {
    let ones = [Float](repeating: 1, count: 2 * 2 * 512)
    func draws(step: Int64) throws -> [[Float]] {
      let dropout = DropoutCase(
        rate: 0.5, perChannel: false, streams: 2, examples: 2, positions: 8, channels: 64,
        step: step)
      let y = try dropped(dropout, ones)
      return (0..<4).map { Array(y[($0 * 512)..<(($0 + 1) * 512)]) }
    }
    let all = try draws(step: 0) + draws(step: 1)
    #expect(Set(all).count == 8)
  }

  /// Two groups of a stream draw what one group of all their examples does.
  @Test func groupsOfAStreamFollowOneAnother() throws {
    let x = [Float](repeating: 1, count: 2 * 6 * 9 * 20)
    let apart = DropoutCase(
      rate: 0.25, perChannel: false, streams: 2, segmentsAStream: 1, examples: 6, positions: 9,
      channels: 20)
    let together = try dropped(apart, x)
    let grouped = DropoutCase(
      rate: 0.25, perChannel: false, streams: 2, segmentsAStream: 3, examples: 2, positions: 9,
      channels: 20)
    #expect(grouped.multipliers == apart.multipliers)
    expectSameBits(together, grouped.multipliers.map { Float($0) })
  }
}
