import Execution
import Foundation
import Kernels
import RandomStreams

/// The noise that images are drawn of: of a seed, vector i is example i of the stream `samples`, and
/// depends on nothing else. The first 25 are those of a run's own grids.
package struct SampleNoise: Sendable {
  private static let stream = "samples"

  private let stream: RandomStream
  private let seed: UInt64
  private let latentSize: Int
  private let truncation: Double?

  /// - Parameter truncation: the largest magnitude of a number, above 0: one beyond is drawn again from
  ///   what is left of the normal distribution (the truncation trick of Brock et al. 2019).
  package init(seed: UInt64, latentSize: Int, truncation: Double? = nil) {
    stream = RandomStream(seed: seed, name: Self.stream)
    self.seed = seed
    self.latentSize = latentSize
    self.truncation = truncation
  }

  /// Vectors [numbers, latent].
  package func vectors(_ numbers: Range<Int>) throws(TrainingError) -> [Float] {
    var values = try draws(numbers)
    guard let truncation else { return values }
    for index in values.indices where Double(abs(values[index])) > truncation {
      values[index] = truncatedNormal(
        truncation, element: index % latentSize, example: numbers.lowerBound + index / latentSize)
    }
    return values
  }

  /// As the programs of training draw, bit for bit.
  private func draws(_ numbers: Range<Int>) throws(TrainingError) -> [Float] {
    let factory: KernelFactory
    do throws(KernelError) { factory = try KernelFactory(KernelLibraries(.openBLAS)) } catch {
      throw .replicas(.execution(.kernel(error, operation: "random", layer: Self.stream)))
    }
    var step: Int64 = 0
    return withUnsafePointer(to: &step) { step in
      [Float](unsafeUninitializedCapacity: numbers.count * latentSize) { buffer, count in
        guard let out = buffer.baseAddress else { return }
        let call = factory.random(
          out: out, normal: true, seed: seed, stream: stream.identifier, examples: numbers.count,
          firstExample: numbers.lowerBound, elements: latentSize, step: step)
        if call.run() == 0 { count = numbers.count * latentSize }
      }
    }
  }

  /// A normal number within ±T: try k = 1, 2, … is v = T·(2u − 1), and is taken if w < exp(−v²/2), where
  /// u and w are the uniform draws 2e and 2e + 1 of step k (von Neumann 1951). Whoever is drawn again has
  /// exceeded T, so that it is small enough for that: a try is taken with probability
  /// √(π/2)·erf(T/√2)/T.
  private func truncatedNormal(_ bound: Double, element: Int, example: Int) -> Float {
    var attempt = 1
    while true {
      let (u, w) = (
        stream.uniform(element: 2 * element, example: example, step: attempt),
        stream.uniform(element: 2 * element + 1, example: example, step: attempt)
      )
      let value = bound * (2 * u - 1)
      if w < exp(-value * value / 2) { return Float(value) }
      attempt += 1
    }
  }
}
