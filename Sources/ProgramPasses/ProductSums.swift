import Program

/// Sums over all elements of a weight gradient P = xᵀ·d, in which x [rows.., K] and d [rows.., N] have
/// few rows, without P:
///
///     Σ P²    = Σ (x·xᵀ) ∘ (d·dᵀ)
///     Σ P ∘ G = Σ (x·G) ∘ d
///
/// A replica's own gradient has K·N elements that need to be written and read again; these forms have
/// rows².
extension Simplification {
  func sumOfProduct(_ axes: [Int]) -> Tensor? {
    guard axes.count == operands[0].shape.rank, axes.count == 2,
      case (.elementwise(let function), let factors)? = definition(operands[0]),
      case (.product(.transposedLeft), let sides)? = definition(factors[0]),
      factors.allSatisfy({ $0.shape == factors[0].shape })
    else { return nil }
    let (x, d) = (sides[0], sides[1])
    let (inputs, outputs) = (x.shape[x.shape.rank - 1], d.shape[d.shape.rank - 1])
    let rows = x.shape.count / inputs
    guard x.type.distribution == .perReplica, d.type.distribution == .perReplica,
      2 * rows * (rows + inputs + outputs) < inputs * outputs
    else { return nil }
    switch function {
    case .square:
      let products = innerProducts(x, rows) * innerProducts(d, rows)
      return products.sum(axes: [0, 1])
    case .multiply where factors[1].type.distribution == .replicated:
      let projected = x.product(factors[1]) * d
      return projected.sum(axes: Array(0..<d.shape.rank))
    default: return nil
    }
  }

  /// [rows, rows]: of each row with each.
  private func innerProducts(_ x: Tensor, _ rows: Int) -> Tensor {
    let last = x.shape.rank - 1
    let columns = x.transposed([last] + Array(0..<last)).reshaped([x.shape[last], rows])
    return columns.product(columns, .transposedLeft)
  }
}
