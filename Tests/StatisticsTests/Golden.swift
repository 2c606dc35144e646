import Foundation
import Testing

/// What SciPy, NumPy and mpmath make of seeded data (`Tests/Goldens/statistics`).
struct Golden: Decodable, Sendable {
  struct Summary: Decodable, Sendable {
    let count: Int
    let mean, minimum, maximum: Double
    let variance: Double?
  }

  struct VarianceFigures: Decodable, Sendable {
    let betweenMeanSquare, withinMeanSquare, betweenVariance: Double
    let statistic, pValue, etaSquared, omegaSquared, intraclassCorrelation: Double?
  }

  struct RankFigures: Decodable, Sendable {
    let statistic, pValue, epsilonSquared: Double?
  }

  struct Groups: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let groups: [[Double]]
    let moments: [Summary]
    let all: Summary
    let quantiles: [Double]
    let modifiedZScores: [Double]?
    let varianceAnalysis: VarianceFigures?
    let rankAnalysis: RankFigures

    var testDescription: String { name }
  }

  struct Trend: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let x, y: [Double]
    let slope, intercept: Double
    let correlation, standardError, pValue: Double?

    var testDescription: String { name }
  }

  struct Contrast: Decodable, Sendable {
    let treatment, against: Int
    let difference, standardError, pValue, low, high: Double
  }

  struct Blocks: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let values: [[Double]]
    let treatmentMeans: [Double]
    let residualMeanSquare: Double
    let residualDegreesOfFreedom: Int
    let statistic, pValue: Double
    let contrasts: [Contrast]

    var testDescription: String { name }
  }

  struct Paired: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let differences: [Double]
    let mean, standardError, pValue: Double
    let interval: [Double]
    let agreeInSign: Bool

    var testDescription: String { name }
  }

  /// Arguments, and last the value.
  struct TailValues: Decodable, Sendable {
    let f, chiSquared, student, studentQuantile: [[Double]]
  }

  let fractions: [Double]
  let groups: [Groups]
  let trends: [Trend]
  let blocks: [Blocks]
  let paired: [Paired]
  let tails: TailValues

  static let recorded: Golden = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Goldens/statistics/scipy.json").standardized
    do {
      return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
    } catch {
      preconditionFailure("\(file.path): \(error)")
    }
  }()
}

/// Whether a figure is the golden's to `tolerance` of it; one that is missing or not finite matches
/// the golden's null.
func isClose(_ actual: Double?, _ expected: Double?, tolerance: Double = 1e-9) -> Bool {
  guard let actual, actual.isFinite else { return expected == nil }
  guard let expected else { return false }
  return abs(actual - expected) <= tolerance * abs(expected)
}
