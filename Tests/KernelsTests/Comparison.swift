import Kernels
import Testing

/// Expects each number within `tolerance` of its oracle, an absolute bound that may differ between
/// elements.
func expectClose(
  _ actual: [Float], _ expected: [Double], tolerance: (Int) -> Double, _ what: Comment = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(actual.count) numbers, \(expected.count) expected", sourceLocation: sourceLocation)
    return
  }
  let wrong = actual.indices.filter { !(abs(Double(actual[$0]) - expected[$0]) <= tolerance($0)) }
  if let first = wrong.first {
    Issue.record(
      """
      \(wrong.count) of \(actual.count) differ, first at \(first): \(actual[first]), \
      expected \(expected[first]) ± \(tolerance(first)) \(what)
      """, sourceLocation: sourceLocation)
  }
}

/// Expects the same bits, so that NaNs compare and zeros keep their sign.
func expectSameBits(
  _ actual: [Float], _ expected: [Float], _ what: Comment = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(actual.count) numbers, \(expected.count) expected", sourceLocation: sourceLocation)
    return
  }
  let wrong = actual.indices.filter { actual[$0].bitPattern != expected[$0].bitPattern }
  if let first = wrong.first {
    Issue.record(
      """
      \(wrong.count) of \(actual.count) have other bits, first at \(first): \(actual[first]), \
      expected \(expected[first]) \(what)
      """, sourceLocation: sourceLocation)
  }
}

let presentBackends = MatrixBackend.allCases.filter(\.isPresent)

let allActivations: [KernelActivation] = [
  .identity, .tanh, .sigmoid, .leakyReLU(slope: 0.2), .leakyReLU(slope: 0),
]

extension KernelActivation {
  var function: ElementwiseFunction {
    switch self {
    case .identity: .identity
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .leakyReLU(let slope): .leakyReLU(slope: slope)
    }
  }

  /// (dy, y) → dx.
  func gradient(_ dy: DoubleTensor, _ y: DoubleTensor) -> DoubleTensor {
    let function: ElementwiseFunction? =
      switch self {
      case .identity: nil
      case .tanh: .tanhGradient
      case .sigmoid: .sigmoidGradient
      case .leakyReLU(let slope): .leakyReLUGradient(slope: slope)
      }
    return function.map { Reference.elementwise($0, [dy, y], shape: dy.shape) } ?? dy
  }
}
