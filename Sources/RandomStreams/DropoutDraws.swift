extension RandomStream {
  /// What dropout multiplies an element by: 0 with probability `rate`, 1/(1 − rate) otherwise.
  ///
  /// A decision takes as few bits as its rate needs, b = 2 where the rate is a multiple of 1/4 and 16
  /// elsewhere: element e of an example has the b bits from bit e·b on of the example's words, lowest
  /// bits first, and is dropped where they are below rate · 2ᵇ, rounded.
  package func dropoutMultiplier(rate: Double, element: Int, example: Int, step: Int) -> Double {
    let bits = (4 * rate).rounded() == 4 * rate ? 2 : 16
    let word = self.word(element: element * bits / 32, example: example, step: step)
    let field = (word >> UInt32(element * bits % 32)) & ((1 << UInt32(bits)) - 1)
    let isDropped = Double(field) < (rate * Double(1 << bits)).rounded()
    return isDropped ? 0 : 1 / (1 - rate)
  }
}
