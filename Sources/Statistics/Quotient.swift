/// numerator / denominator; nil where that is not a number, as 0/0.
func quotient(_ numerator: Double, _ denominator: Double) -> Double? {
  let value = numerator / denominator
  return value.isNaN ? nil : value
}
