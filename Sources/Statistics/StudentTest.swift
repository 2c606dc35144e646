/// What an estimate with a standard error says of the true value, by Student's t.
struct StudentTest {
  /// Two-sided, of a true value of 0; nil where estimate and standard error are both 0.
  let pValue: Double?
  /// Where the true value lies with 95% confidence; nil where a bound is not finite.
  let interval: ClosedRange<Double>?

  init(_ estimate: Double, _ standardError: Double, _ degreesOfFreedom: Double) {
    pValue = quotient(estimate, standardError).map { Tails.studentTwoSided($0, degreesOfFreedom) }
    let reach = standardError * Tails.studentQuantile(0.975, degreesOfFreedom)
    interval =
      (abs(estimate) + reach).isFinite ? estimate - reach...estimate + reach : nil
  }
}
