import Foundation
import RunFiles

/// The Keras layout's fully connected generator in float64, as its paper has it: three times dense, leaky
/// ReLU and batch norm; dense and tanh.
struct GeneratorByHand {
  /// Variables by their names.
  let variables: [String: [Double]]

  init(_ tensors: [NamedTensor]) {
    variables = Dictionary(
      uniqueKeysWithValues: tensors.map { ($0.name, $0.values.map(Double.init)) })
  }

  /// Images of noise [rows, latent].
  ///
  /// - Parameter usesBatch: whether the rows' own statistics normalise, rather than the moving ones.
  func images(_ noise: [[Double]], usesBatch: Bool) throws -> [[Double]] {
    var rows = noise
    for layer in 0..<3 {
      rows = try dense(rows, layer).map { $0.map { $0 < 0 ? 0.2 * $0 : $0 } }
      rows = try normalized(rows, "generator/batch_norm_\(layer)/", usesBatch: usesBatch)
    }
    return try dense(rows, 3).map { $0.map(tanh) }
  }

  private struct Missing: Error { let name: String }

  private func variable(_ name: String) throws -> [Double] {
    guard let values = variables[name] else { throw Missing(name: name) }
    return values
  }

  private func dense(_ rows: [[Double]], _ layer: Int) throws -> [[Double]] {
    let kernel = try variable("generator/dense_\(layer)/kernel")
    let bias = try variable("generator/dense_\(layer)/bias")
    return rows.map { row in
      bias.indices.map { column in
        row.indices.reduce(bias[column]) { $0 + row[$1] * kernel[$1 * bias.count + column] }
      }
    }
  }

  private func normalized(
    _ rows: [[Double]], _ layer: String, usesBatch: Bool
  ) throws -> [[Double]] {
    let (gamma, beta) = (try variable(layer + "gamma"), try variable(layer + "beta"))
    var mean = try variable(layer + "moving_mean")
    var variance = try variable(layer + "moving_variance")
    if usesBatch {
      let count = Double(rows.count)
      mean = gamma.indices.map { column in rows.reduce(0) { $0 + $1[column] } / count }
      variance = gamma.indices.map { column in
        rows.reduce(0) { $0 + ($1[column] - mean[column]) * ($1[column] - mean[column]) } / count
      }
    }
    return rows.map { row in
      row.indices.map { column in
        (row[column] - mean[column]) / (variance[column] + 1e-3).squareRoot() * gamma[column]
          + beta[column]
      }
    }
  }
}
