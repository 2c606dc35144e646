import Foundation
import Statistics
import Testing

@Suite("Tails")
struct TailsTests {
  @Test("of F are mpmath's", arguments: Golden.recorded.tails.f)
  func f(golden: [Double]) {
    #expect(isCloseTail(Tails.fUpper(golden[0], golden[1], golden[2]), golden[3]))
  }

  @Test("of χ² are mpmath's", arguments: Golden.recorded.tails.chiSquared)
  func chiSquared(golden: [Double]) {
    #expect(isCloseTail(Tails.chiSquaredUpper(golden[0], golden[1]), golden[2]))
  }

  @Test("of Student's t are mpmath's", arguments: Golden.recorded.tails.student)
  func student(golden: [Double]) {
    #expect(isCloseTail(Tails.studentTwoSided(golden[0], golden[1]), golden[2]))
  }

  @Test("Quantiles of Student's t are mpmath's", arguments: Golden.recorded.tails.studentQuantile)
  func studentQuantile(golden: [Double]) {
    let quantile = Tails.studentQuantile(golden[0], golden[1])
    #expect(abs(quantile - golden[2]) <= 1e-12 * abs(golden[2]))
  }

  @Test("with two degrees of freedom are elementary functions", arguments: [1e-9, 0.4, 3, 80, 900])
  func elementary(x: Double) {
    #expect(isCloseTail(Tails.chiSquaredUpper(x, 2), exp(-x / 2)))
    #expect(isCloseTail(Tails.fUpper(x, 2, 6), pow(1 + x / 3, -3)))
    #expect(isCloseTail(Tails.chiSquaredUpper(x, 1), erfc((x / 2).squareRoot())))
  }

  @Test("are 1 where a distribution begins, and 0 beyond all numbers")
  func ends() {
    #expect(Tails.fUpper(0, 3, 4) == 1 && Tails.fUpper(.infinity, 3, 4) == 0)
    #expect(Tails.chiSquaredUpper(0, 3) == 1 && Tails.chiSquaredUpper(1e300, 3) == 0)
    #expect(Tails.studentTwoSided(0, 3) == 1 && Tails.studentTwoSided(-.infinity, 3) == 0)
    #expect(Tails.studentQuantile(0, 3) == -.infinity && Tails.studentQuantile(1, 3) == .infinity)
    #expect(Tails.studentQuantile(0.5, 3) == 0)
  }

  @Test("fall without a step where the two series meet", arguments: [1, 2, 5, 40, 3000])
  func monotone(degrees: Double) {
    let points = (1...4000).map { Double($0) / 1000 }
    let families: [(Double) -> Double] = [
      { Tails.fUpper($0, degrees, 7) }, { Tails.fUpper($0, 4, degrees) },
      { Tails.chiSquaredUpper($0 * degrees, degrees) },
    ]
    for tail in families {
      let values = points.map(tail)
      #expect(zip(values, values.dropFirst()).allSatisfy { $1 <= $0 * (1 + 1e-13) })
      #expect(values.allSatisfy { (0...1).contains($0) })
    }
  }
}

private func isCloseTail(_ actual: Double, _ expected: Double) -> Bool {
  abs(actual - expected) <= 1e-12 * expected
}
