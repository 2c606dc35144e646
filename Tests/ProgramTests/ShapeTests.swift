import Program
import Testing

struct ShapeTests {
  private static let pairs: [(Shape, Shape, Shape?)] = [
    ([8, 5], [5], [8, 5]), ([], [3], [3]), ([4, 1], [1, 6], [4, 6]),
    ([2, 1, 3], [7, 1], [2, 7, 3]),
    ([3], [3], [3]), ([3], [4], nil), ([2, 3], [2], nil), ([1], [], [1]),
  ]

  @Test(arguments: pairs)
  func broadcasting(_ a: Shape, _ b: Shape, _ common: Shape?) {
    #expect(a.broadcast(with: b) == common)
    #expect(b.broadcast(with: a) == common)
  }

  private static let repetitions: [(Shape, Shape, [Int])] = [
    ([5], [8, 5], [0]), ([8, 1], [8, 5], [1]), ([], [2, 3], [0, 1]), ([1, 5], [1, 5], []),
    ([1], [4, 1], [0]),
  ]

  @Test(arguments: repetitions)
  func repeatedAxes(_ shape: Shape, _ result: Shape, _ axes: [Int]) {
    #expect(shape.repeatedAxes(in: result) == axes)
  }

  @Test func counts() {
    let shape: Shape = [3, 8, 784]
    #expect(shape.count == 18816)
    #expect((0...3).map(shape.count(before:)) == [1, 3, 24, 18816])
    #expect(Shape([]).count == 1)
    #expect(shape.removing(axes: [0, 2]) == [8])
    #expect("\(shape)" == "[3, 8, 784]")
  }

  @Test func typesNameTheirDistribution() {
    #expect("\(TensorType([8, 2], .perReplica))" == "each [8, 2]")
    #expect("\(TensorType([8, 2], .replicated))" == "[8, 2]")
  }
}
