import Foundation
import RandomStreams
import TestSupport
import Testing
import Training

/// The noise that images are drawn of.
@Suite struct SampleNoiseTests {
  private static let size = 7

  private func noise(seed: UInt64 = 3, truncation: Double? = nil) -> SampleNoise {
    SampleNoise(seed: seed, latentSize: Self.size, truncation: truncation)
  }

  /// Also far beyond 32 bits of elements, as the last example that there is.
  @Test(arguments: [0, 25, 1_000_000, (1 << 32) - 2])
  func aNumberDependsOnItsSeedStreamExampleAndElementAlone(first: Int) throws {
    let vectors = try noise().vectors(first..<(first + 2))
    let stream = RandomStream(seed: 3, name: "samples")
    let expected = (0..<2 * Self.size).map { index in
      stream.normal(element: index % Self.size, example: first + index / Self.size, step: 0)
    }
    #expect(zip(vectors, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 })
    #expect(vectors.count == expected.count)
    #expect(try noise().vectors((first + 1)..<(first + 2)) == Array(vectors.dropFirst(Self.size)))
    #expect(try noise(seed: 4).vectors(first..<(first + 2)) != vectors)
  }

  @Test(arguments: [0.02, 0.5, 2, 100])
  func truncationDrawsAgainWhatIsBeyond(bound: Double) throws {
    let plain = try noise().vectors(0..<2000)
    let truncated = try noise(truncation: bound).vectors(0..<2000)
    #expect(truncated.allSatisfy { Double(abs($0)) <= bound })
    for (before, after) in zip(plain, truncated) where Double(abs(before)) <= bound {
      #expect(before == after)
    }
    #expect(
      try noise(truncation: bound).vectors(1000..<1001)
        == Array(truncated[(1000 * Self.size)..<(1001 * Self.size)]))
  }

  /// A normal number within ±T has the mean 0 and the variance 1 − 2Tφ(T)/(2Φ(T) − 1); its magnitude is
  /// below T/2 with the probability (2Φ(T/2) − 1)/(2Φ(T) − 1).
  @Test(arguments: [0.1, 0.7, 1.5])
  func whatIsTruncatedIsATruncatedNormal(bound: Double) throws {
    let values = try noise(truncation: bound).vectors(0..<20_000).map(Double.init)
    let count = Double(values.count)
    let within = { (x: Double) in erf(x / 2.0.squareRoot()) }
    let density = exp(-bound * bound / 2) / (2 * Double.pi).squareRoot()
    let variance = 1 - 2 * bound * density / within(bound)
    let mean = values.reduce(0, +) / count
    let found = values.reduce(0) { $0 + $1 * $1 } / count
    // Five standard errors; a square varies less than T².
    #expect(abs(mean) < 5 * (variance / count).squareRoot())
    #expect(abs(found - variance) < 5 * bound * bound / count.squareRoot())
    let share = Double(values.count { abs($0) < bound / 2 }) / count
    #expect(abs(share - within(bound / 2) / within(bound)) < 5 * 0.5 / count.squareRoot())
  }

  // MARK: - Ways

  /// sin((1 − t)Ω)/sin Ω · a + sin(tΩ)/sin Ω · b, of directions.
  @Test func aWayTurnsEvenlyAndChangesItsNormEvenly() throws {
    var numbers = SeededNumbers(seed: 5)
    let (a, b) = (numbers.floats(50), numbers.floats(50).map { 3 * $0 })
    let path = NoisePath(from: a, to: b)
    let (lengthA, lengthB) = (norm(a), norm(b))
    let angle = acos(zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } / lengthA / lengthB)
    for t in [0, 0.1, 0.5, 0.9, 1] {
      let length = (1 - t) * lengthA + t * lengthB
      let expected = zip(a, b).map { x, y in
        length
          * (sin((1 - t) * angle) / sin(angle) * Double(x) / lengthA + sin(t * angle) / sin(angle)
            * Double(y) / lengthB)
      }
      let found = path.vector(at: t)
      #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 }, "\(t)")
    }
    #expect(path.vector(at: 0) == a && path.vector(at: 1) == b)
  }

  /// Where the formula divides 0 by 0.
  @Test(arguments: [0, 1e-7, 1e-4])
  func almostTheSameDirectionIsAlmostAStraightWay(difference: Float) {
    let a: [Float] = [1, 2, -3]
    let b: [Float] = [1, 2 + difference, -3]
    let middle = NoisePath(from: a, to: b).vector(at: 0.5)
    for (index, value) in middle.enumerated() {
      #expect(abs(value - (a[index] + b[index]) / 2) < 1e-6)
    }
  }

  @Test func oppositeVectorsAreJoinedByHalfACircle() {
    let a: [Float] = [1, 2, -3]
    let path = NoisePath(from: a, to: a.map { -2 * $0 })
    for t in [0.25, 0.5, 0.75] {
      let point = path.vector(at: t)
      #expect(abs(norm(point) - (1 + t) * norm(a)) < 1e-5)
      let cosine =
        zip(a, point).reduce(0) { $0 + Double($1.0) * Double($1.1) } / norm(a) / norm(point)
      #expect(abs(cosine - cos(t * Double.pi)) < 1e-6)
    }
  }

  @Test func withoutACircleTheWayIsStraight() {
    #expect(NoisePath(from: [0, 0], to: [2, 4]).vector(at: 0.5) == [1, 2])
    #expect(NoisePath(from: [-1], to: [3]).vector(at: 0.25) == [0])
    #expect(NoisePath(from: [0, 0], to: [0, 0]).vector(at: 0.5) == [0, 0])
  }

  private func norm(_ x: [Float]) -> Double {
    x.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}
