/// What tells two lists of numbers apart, such as gradients or weights: sums over their elements.
struct DistanceSums {
  var (difference, own, whole, product) = (0.0, 0.0, 0.0, 0.0)

  mutating func add(_ a: [Float], _ b: [Float]) {
    for (x, y) in zip(a, b) {
      let (x, y) = (Double(x), Double(y))
      difference += (x - y) * (x - y)
      own += x * x
      whole += y * y
      product += x * y
    }
  }

  static func + (a: DistanceSums, b: DistanceSums) -> DistanceSums {
    var sum = DistanceSums()
    sum.difference = a.difference + b.difference
    sum.own = a.own + b.own
    sum.whole = a.whole + b.whole
    sum.product = a.product + b.product
    return sum
  }

  /// ‖x − y‖ / ‖y‖
  var relative: Double { (difference / max(whole, .leastNormalMagnitude)).squareRoot() }
}
