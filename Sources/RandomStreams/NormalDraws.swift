import Foundation

extension RandomStream {
  /// A standard normal number, by Box and Muller's method: words 2i and 2i + 1 of a counter give
  /// the elements 2i and 2i + 1, √(−2 ln u)·cos 2πt and √(−2 ln u)·sin 2πt, with u and t of 24
  /// bits.
  package func normal(element: Int, example: Int, step: Int) -> Double {
    let first = element & ~1
    let radius = (-2 * log(uniform(element: first, example: example, step: step))).squareRoot()
    let second = word(element: first + 1, example: example, step: step)
    let angle = 2 * Double.pi * Double(second >> 8) * 0x1p-24
    return radius * (element == first ? cos(angle) : sin(angle))
  }
}
