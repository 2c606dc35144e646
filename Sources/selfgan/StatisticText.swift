import Foundation
import RunAnalysis

/// A number with so many significant digits; – where it is unknown or not finite.
func significant(_ value: Double?, digits: Int = 4) -> String {
  guard let value, value.isFinite else { return "–" }
  let text = String(format: "%#.\(digits)g", value)
  return text.hasSuffix(".") ? String(text.dropLast()) : text
}

/// "p = 0.031", or "p < 0.001".
func probability(_ value: Double?) -> String {
  guard let value else { return "p unknown" }
  return value < 0.001 ? "p < 0.001" : "p = \(significant(value, digits: 2))"
}

/// A share as a percentage.
func percent(_ share: Double) -> String { String(format: "%.1f%%", share * 100) }

/// Text in lines of at most 100 columns, broken at spaces.
func wrapped(_ text: String) -> String {
  var lines = [""]
  for word in text.split(separator: " ") {
    if lines[lines.count - 1].isEmpty {
      lines[lines.count - 1] = String(word)
    } else if lines[lines.count - 1].count + 1 + word.count <= 100 {
      lines[lines.count - 1] += " " + word
    } else {
      lines.append("  " + word)
    }
  }
  return lines.joined(separator: "\n")
}

extension ColumnSummary {
  /// What the tests say, in words.
  var finding: String {
    let words: String? =
      switch verdict {
      case .alike: "no sign that replicas differ"
      case .little: "replicas differ little"
      case .some: "replicas differ"
      case .much: "replicas differ much"
      case .unknown: nil
      }
    guard let words else { return notes.first ?? "nothing can be said" }
    let p = differences.blocks?.pValue ?? differences.variance?.pValue
    let correlation = differences.variance?.intraclassCorrelation
    return "\(words) (ICC \(significant(correlation, digits: 2)), \(probability(p)))"
      + outlierText + driftText + notFiniteText
  }

  /// Nothing where all values are finite.
  var notFiniteText: String {
    all.notFinite == 0
      ? "" : "; \(all.notFinite) not finite \(all.notFinite == 1 ? "value" : "values") left out"
  }

  private var outlierText: String {
    guard !outliers.isEmpty else { return "" }
    let numbers = outliers.map { "\($0.replica)" }.joined(separator: ", ")
    return "; outlier\(outliers.count == 1 ? "" : "s"): replica \(numbers)"
  }

  /// Nothing where the mean has no clear slope.
  private var driftText: String {
    guard let trend = drift.mean, let p = trend.pValue, p < 0.05 else { return "" }
    let slope = significant(abs(trend.slope), digits: 2)
    return "; \(trend.slope < 0 ? "falls" : "rises") by \(slope) in 1,000 steps"
  }
}
