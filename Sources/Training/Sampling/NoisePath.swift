import Foundation

/// A way from one noise vector to another: their directions turn along the great circle through both
/// (slerp, Shoemake 1985; for normal noise White 2016), and their norms change evenly.
///
///     x(t) = ((1 − t)·|a| + t·|b|) · (cos tΩ · a/|a| + sin tΩ · p),  0 ≤ t ≤ 1
///
/// where Ω is the angle between a and b, and p the direction that is perpendicular to a, towards b. A
/// straight way through normal noise would pass close to 0, where there is none.
package struct NoisePath: Sendable {
  private let start: [Float]
  private let end: [Float]
  private let lengths: (start: Double, end: Double)
  private let direction: [Double]
  private let perpendicular: [Double]
  /// Nil where there is no circle: of a zero vector, or with one dimension.
  private let angle: Double?

  /// - Parameters: two vectors of the same size.
  package init(from start: [Float], to end: [Float]) {
    precondition(start.count == end.count)
    (self.start, self.end) = (start, end)
    let (a, b) = (start.map(Double.init), end.map(Double.init))
    lengths = (Self.norm(a), Self.norm(b))
    guard lengths.start > 0, lengths.end > 0, a.count > 1 else {
      (direction, perpendicular, angle) = ([], [], nil)
      return
    }
    let from = Self.scaled(a, by: 1 / lengths.start)
    let to = Self.scaled(b, by: 1 / lengths.end)
    let cosine = Self.product(from, to)
    let rest = Self.rejected(to, from: from)
    let sine = Self.norm(rest)
    direction = from
    // The arc tangent is exact for small angles, and for those near π, where the cosine is not.
    angle = atan2(sine, cosine)
    // Opposite vectors have no plane in common with one circle only: any will do, but always the same one.
    perpendicular =
      sine > 1e-12
      ? Self.scaled(rest, by: 1 / sine) : (cosine < 0 ? Self.anyPerpendicular(to: from) : rest)
  }

  /// The vector at `t` from 0 to 1; the ends are the vectors themselves.
  package func vector(at t: Double) -> [Float] {
    if t <= 0 { return start }
    if t >= 1 { return end }
    guard let angle else {
      return zip(start, end).map { Float((1 - t) * Double($0) + t * Double($1)) }
    }
    let length = (1 - t) * lengths.start + t * lengths.end
    let (along, across) = (length * cos(t * angle), length * sin(t * angle))
    return zip(direction, perpendicular).map { Float(along * $0 + across * $1) }
  }

  /// What the axis that `direction` has least of leaves perpendicular to it.
  private static func anyPerpendicular(to direction: [Double]) -> [Double] {
    let least = direction.indices.min { abs(direction[$0]) < abs(direction[$1]) } ?? 0
    let rest = rejected(direction.indices.map { $0 == least ? 1 : 0 }, from: direction)
    return scaled(rest, by: 1 / norm(rest))
  }

  /// x − (x · d) d, of a direction d.
  private static func rejected(_ x: [Double], from direction: [Double]) -> [Double] {
    let share = product(x, direction)
    return zip(x, direction).map { $0 - share * $1 }
  }

  private static func product(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private static func norm(_ x: [Double]) -> Double { product(x, x).squareRoot() }

  private static func scaled(_ x: [Double], by factor: Double) -> [Double] {
    x.map { $0 * factor }
  }
}
