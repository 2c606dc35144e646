import Kernels
import RandomStreams
import TestSupport
import Testing

struct RandomTests {
  private func draws(
    normal: Bool, seed: UInt64, stream: RandomStream, examples: Int, firstExample: Int,
    elements: Int, step: Int64
  ) throws -> [Float] {
    let bench = try Workbench()
    let out = bench.floats(count: examples * elements)
    let steps = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    defer { steps.deallocate() }
    steps.initialize(to: step)
    bench.run([
      bench.factory.random(
        out: out.pointer, normal: normal, seed: seed, stream: stream.identifier,
        examples: examples, firstExample: firstExample, elements: elements, step: steps)
    ])
    return out.values
  }

  @Test(
    arguments: [1, 3, 4, 63, 64, 65, 100, 257],
    [(1, 0, 0), (3, 5, 7), (8, 56, 1 << 20)] as [(Int, Int, Int)])
  func drawsAreThoseOfTheStream(
    elements: Int, place: (examples: Int, firstExample: Int, step: Int)
  ) throws {
    let seed: UInt64 = 0xFEED_0000_1234_5678
    let stream = RandomStream(seed: seed, name: "noise")
    let indices = (0..<place.examples).flatMap { example in
      (0..<elements).map { (example: place.firstExample + example, element: $0) }
    }
    let normals = try draws(
      normal: true, seed: seed, stream: stream, examples: place.examples,
      firstExample: place.firstExample, elements: elements, step: Int64(place.step))
    expectClose(
      normals,
      indices.map { stream.normal(element: $0.element, example: $0.example, step: place.step) },
      tolerance: { _ in 2e-6 })
    let uniforms = try draws(
      normal: false, seed: seed, stream: stream, examples: place.examples,
      firstExample: place.firstExample, elements: elements, step: Int64(place.step))
    expectClose(
      uniforms,
      indices.map { stream.uniform(element: $0.element, example: $0.example, step: place.step) },
      tolerance: { _ in 0x1p-25 })
  }

  /// Enough draws that words near both ends of their range are among them.
  @Test func aMillionNormalsAreThoseOfTheStream() throws {
    let stream = RandomStream(seed: 1, name: "noise")
    let (examples, elements) = (64, 16_384)
    let values = try draws(
      normal: true, seed: 1, stream: stream, examples: examples, firstExample: 0,
      elements: elements, step: 3)
    let expected = (0..<examples).flatMap { example in
      (0..<elements).map { stream.normal(element: $0, example: example, step: 3) }
    }
    expectClose(values, expected) { _ in 2e-6 }
  }

  @Test func anExamplesDrawsDoNotDependOnWhoDrawsThem() throws {
    let stream = RandomStream(seed: 9, name: "noise")
    func rows(_ first: Int, _ count: Int) throws -> [Float] {
      try draws(
        normal: true, seed: 9, stream: stream, examples: count, firstExample: first, elements: 100,
        step: 2)
    }
    expectSameBits(try rows(0, 64), try (0..<8).flatMap { try rows(8 * $0, 8) })
  }
}
