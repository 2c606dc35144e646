import Execution
import Program
import ProgramPasses
import TestSupport
import Testing

/// Variables of two processes that have one copy of the parameters.
struct SharedParameterTests {
  private static let variables = [
    Variable(
      name: "w", type: TensorType([3], .replicated), role: .parameter,
      initial: .constant(2)),
    Variable(
      name: "own", type: TensorType([2], .perReplica), role: .state,
      initial: .constant(5)),
    Variable(
      name: "common", type: TensorType([1], .replicated), role: .state,
      initial: .constant(7)),
  ]

  /// The first process, which sets parameters, and another one.
  private static func stores() -> (first: VariableStore, second: VariableStore) {
    let count = ParameterLayout(variables).count
    let buffers = (0..<3).map { _ in AlignedBuffer(count: count) }
    let stores = [true, false].map { isWriter in
      VariableStore(
        variables, replicas: isWriter ? 0..<2 : 2..<3, seed: 1,
        shared: ParameterMemory(
          parameters: buffers[0], firstMoments: buffers[1], secondMoments: buffers[2],
          isWriter: isWriter))
    }
    return (stores[0], stores[1])
  }

  @Test func theFirstProcessSetsParametersForAll() {
    let (first, second) = Self.stores()
    #expect(first.read("w") == [2, 2, 2] && second.read("w") == [2, 2, 2])
    second.write([9, 9, 9], to: "w")
    #expect(first.read("w") == [2, 2, 2])
    first.write([1, 2, 3], to: "w")
    #expect(second.read("w") == [1, 2, 3])
    #expect(first.firstMoments.pointer == second.firstMoments.pointer)
    #expect(first.secondMoments.pointer == second.secondMoments.pointer)
  }

  /// It comes later than the first, and leaves what that one has set.
  @Test func aStoreThatIsMadeLaterChangesNoParameters() {
    let memory = (0..<3).map { _ in AlignedBuffer(count: ParameterLayout(Self.variables).count) }
    memory[0].values.update(repeating: 4)
    let store = VariableStore(
      Self.variables, replicas: 2..<3, seed: 1,
      shared: ParameterMemory(
        parameters: memory[0], firstMoments: memory[1], secondMoments: memory[2], isWriter: false))
    #expect(store.read("w") == [4, 4, 4])
  }

  @Test func everyProcessHasItsOwnState() {
    let (first, second) = Self.stores()
    for name in ["own", "common"] {
      let count = name == "own" ? 2 : 1
      second.write(Array(repeating: 8, count: count), to: name)
      #expect(second.read(name) == Array(repeating: 8, count: count))
      #expect(first.read(name) == Array(repeating: name == "own" ? 5 : 7, count: count))
    }
    first.write([1, 2], to: "own", replica: 1)
    #expect(first.read("own", replica: 0) == [5, 5] && first.read("own", replica: 1) == [1, 2])
    #expect(second.read("own", replica: 2) == [8, 8])
  }
}
