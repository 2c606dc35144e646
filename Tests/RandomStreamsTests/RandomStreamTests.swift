import RandomStreams
import Testing

@Suite("A random stream")
struct RandomStreamTests {
  @Test(
    "is identified by the FNV-1a hash of its name",
    arguments: [
      ("", 0x811c_9dc5 as UInt32), ("a", 0xe40c_292c), ("foobar", 0xbf9c_f968),
    ])
  func identifier(name: String, hash: UInt32) {
    #expect(RandomStream(seed: 1, name: name).identifier == hash)
  }

  /// The numbers of Tests/Goldens/draws.py for seed 0x0123456789abcdef, example 2, step 5.
  @Test("draws what a second implementation in NumPy draws")
  func secondImplementation() {
    let stream = RandomStream(seed: 0x0123_4567_89ab_cdef, name: "noise")
    let words: [UInt32] = [
      0x9fd9_fd42, 0xc0c9_ef6a, 0x5a7a_9856, 0xc42b_289b, 0x1d24_9791, 0x0589_1e52,
    ]
    let uniforms = [
      0.6244200170040131, 0.7530812919139862, 0.35343316197395325, 0.7662835419178009,
      0.11383959650993347, 0.02162352204322815,
    ]
    let normals = [
      0.018787781280840084, -0.9703149411504433, 0.14730394564693033, -1.4347206420479166,
      2.0654781580342667, 0.2823645123226275,
    ]
    for element in words.indices {
      #expect(stream.word(element: element, example: 2, step: 5) == words[element])
      #expect(stream.uniform(element: element, example: 2, step: 5) == uniforms[element])
      let normal = stream.normal(element: element, example: 2, step: 5)
      #expect(abs(normal - normals[element]) < 1e-14)
    }
  }

  @Test("has uniform numbers inside (0, 1) with the moments of the uniform distribution")
  func uniformMoments() {
    let stream = RandomStream(seed: 3, name: "moments")
    let draws = (0..<100_000).map { stream.uniform(element: $0 % 500, example: $0 / 500, step: 1) }
    #expect(draws.allSatisfy { $0 > 0 && $0 < 1 })
    let (mean, variance) = moments(draws)
    // Four standard errors.
    #expect(abs(mean - 0.5) < 0.0037)
    #expect(abs(variance - 1.0 / 12) < 0.001)
  }

  @Test("has normal numbers with mean 0, variance 1 and the tails of the normal distribution")
  func normalMoments() {
    let stream = RandomStream(seed: 3, name: "moments")
    let draws = (0..<100_000).map { stream.normal(element: $0 % 100, example: $0 / 100, step: 2) }
    let (mean, variance) = moments(draws)
    #expect(abs(mean) < 0.0127)
    #expect(abs(variance - 1) < 0.0179)
    let beyondTwo = Double(draws.count { $0.magnitude > 2 }) / Double(draws.count)
    #expect(abs(beyondTwo - 0.0455) < 0.0027)
    // Cosine and sine of one radius must not be correlated.
    let products = stride(from: 0, to: draws.count, by: 2).map { draws[$0] * draws[$0 + 1] }
    #expect(abs(moments(products).mean) < 0.018)
  }

  @Test(
    "has integers that reach every value below the bound about equally often",
    arguments: [1, 7])
  func integers(bound: Int) {
    let stream = RandomStream(seed: 9, name: "integers")
    var counts = Array(repeating: 0, count: bound)
    for element in 0..<14_000 {
      counts[stream.integer(below: bound, element: element, example: 0, step: 0)] += 1
    }
    // Five standard deviations of a binomial count.
    let expected = 14_000 / bound
    #expect(counts.allSatisfy { abs($0 - expected) <= (bound == 1 ? 0 : 207) })
  }

  @Test("depends on seed, name, step, example and element")
  func dependence() {
    let base = RandomStream(seed: 1, name: "a")
    let word = base.word(element: 0, example: 0, step: 0)
    let others = [
      RandomStream(seed: 2, name: "a").word(element: 0, example: 0, step: 0),
      RandomStream(seed: 1 + 1 << 32, name: "a").word(element: 0, example: 0, step: 0),
      RandomStream(seed: 1, name: "b").word(element: 0, example: 0, step: 0),
      base.word(element: 1, example: 0, step: 0), base.word(element: 4, example: 0, step: 0),
      base.word(element: 0, example: 1, step: 0), base.word(element: 0, example: 0, step: 1),
    ]
    #expect(Set(others + [word]).count == others.count + 1)
  }

  private func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    return (mean, variance)
  }
}
