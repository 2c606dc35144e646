/// The Double nearest to the decimal number that `field` is, or the infinity or NaN that it names; nil
/// where it is anything else, or longer than a number can sensibly be.
///
/// Most numbers in a table have few digits: with at most 15 of them and a power of ten up to 22, both
/// are exact in Double, and one multiplication or division rounds correctly (Clinger 1990, "How to
/// Read Floating Point Numbers Accurately"). The others are left to the standard library.
func decimalNumber(_ field: Span<UInt8>) -> Double? {
  var position = 0
  let isNegative = field.count > 0 && field[0] == UInt8(ascii: "-")
  if isNegative || (field.count > 0 && field[0] == UInt8(ascii: "+")) { position = 1 }

  var (significand, digits, fraction) = (UInt64(0), 0, 0)
  var hasPoint = false
  while position < field.count {
    let byte = field[position]
    if byte == UInt8(ascii: "."), !hasPoint {
      hasPoint = true
    } else if let digit = digit(byte) {
      significand = significand &* 10 &+ UInt64(digit)
      digits += 1
      if hasPoint { fraction += 1 }
    } else {
      break
    }
    position += 1
  }
  guard digits > 0 else { return infinityOrNaN(field) }

  var exponent = 0
  if position < field.count {
    guard field[position] | 0x20 == UInt8(ascii: "e"),
      let written = integer(field.extracting((position + 1)...), in: -9999...9999)
    else { return nil }
    exponent = written
  }
  let power = exponent - fraction
  guard digits <= 15, abs(power) < powersOfTen.count else { return slowly(field) }
  let magnitude = Double(significand)
  let value = power < 0 ? magnitude / powersOfTen[-power] : magnitude * powersOfTen[power]
  return isNegative ? -value : value
}

/// The decimal integer that `field` is; nil where it is anything else, or outside `range`.
func integer(_ field: Span<UInt8>, in range: ClosedRange<Int>) -> Int? {
  let isNegative = field.count > 0 && field[0] == UInt8(ascii: "-")
  let isSigned = isNegative || (field.count > 0 && field[0] == UInt8(ascii: "+"))
  // 18 digits stay within Int.
  let digits = field.extracting((isSigned ? 1 : 0)...)
  guard (1...18).contains(digits.count) else { return nil }
  var value = 0
  for index in digits.indices {
    guard let digit = digit(digits[index]) else { return nil }
    value = value * 10 + digit
  }
  if isNegative { value = -value }
  return range.contains(value) ? value : nil
}

private func digit(_ byte: UInt8) -> Int? {
  let digit = byte &- UInt8(ascii: "0")
  return digit < 10 ? Int(digit) : nil
}

/// 10⁰ to 10²², which Double holds exactly.
private let powersOfTen: [Double] = (0...22).reduce(into: [1]) { powers, power in
  if power > 0 { powers.append(powers[power - 1] * 10) }
}

/// More digits than it takes to tell any two Doubles and what lies between them apart.
private let longestNumber = 800

/// Of a field that is known to be a decimal number.
private func slowly(_ field: Span<UInt8>) -> Double? {
  field.count <= longestNumber ? Double(field.text) : nil
}

private func infinityOrNaN(_ field: Span<UInt8>) -> Double? {
  guard (3...9).contains(field.count) else { return nil }
  switch field.text.lowercased() {
  case "inf", "+inf", "infinity", "+infinity": return .infinity
  case "-inf", "-infinity": return -.infinity
  case "nan", "+nan", "-nan": return .nan
  default: return nil
  }
}
