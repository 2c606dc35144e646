import Kernels
import Program
import ProgramPasses

/// Elements that belong to one replica or to the sum over some, and nothing else: no padding.
struct WrittenPart {
  /// Nil where all replicas have them in common.
  let replicas: Range<Int>?
  let memory: StridedTensor
  /// The position of the first of them among the value's elements.
  var firstElement = 0
}

/// When, in a step that is examined, what an instruction has written is looked at: at once, since
/// the memory is soon another value's.
struct Examination {
  /// It follows the first so many of the segment's calls.
  var callCount: Int
  let position: StepPosition
  /// The instruction's index in the program.
  let instruction: Int
  /// The replicas that its calls were bound for.
  let replicas: Range<Int>
  /// Where its results are, if not where they lie in the plan: partial sums, packed gradients.
  let elsewhere: [WrittenPart]
}

extension GroupExecutor {
  /// Runs a segment, with the same calls in the same order, and examines after each what an
  /// instruction has written.
  package func run(
    segment: Int, _ search: NonFiniteSearch
  ) throws(ExecutionError) {
    var following = examinations[segment][...]
    try calls[segment].run { callCount in
      while let next = following.first, next.callCount == callCount {
        examine(next, search)
        following.removeFirst()
      }
    }
  }

  private func examine(_ examination: Examination, _ search: NonFiniteSearch) {
    let program = plan.program
    let instruction = program.instructions[examination.instruction]
    for result in instruction.results {
      let parts =
        examination.elsewhere.isEmpty
        ? binding.parts(of: result, boundFor: examination.replicas) : examination.elsewhere
      for part in parts {
        search.examine(part, at: examination.position) { element, number in
          program.origin(
            instruction, result, at: examination.position, part.replicas, element, number,
            largestInput: largestInput(instruction, examination.replicas, part.replicas))
        }
      }
    }
  }

  /// Operands live until their reader is done, and so can be looked at behind it.
  ///
  /// - Parameters:
  ///   - bound: the replicas that the instruction's calls were bound for.
  ///   - own: those whose operands count; nil for all.
  private func largestInput(
    _ instruction: Instruction, _ bound: Range<Int>, _ own: Range<Int>?
  ) -> NonFiniteOrigin.Input? {
    instruction.operands.compactMap { operand -> NonFiniteOrigin.Input? in
      let parts = binding.parts(of: operand, boundFor: bound).filter { part in
        part.replicas.map { own?.overlaps($0) ?? true } ?? true
      }
      guard !parts.isEmpty, !binding.packedValues.contains(operand) else { return nil }
      return NonFiniteOrigin.Input(
        value: operand.description, magnitude: parts.map(\.memory.largestMagnitude).reduce(0, max))
    }.max { $0.magnitude < $1.magnitude }
  }
}

extension ReplicaProgram {
  /// An instruction that made a number in `value`, one of its results.
  func origin(
    _ instruction: Instruction, _ value: Value, at position: StepPosition, _ replicas: Range<Int>?,
    _ element: Int, _ number: Float, largestInput: NonFiniteOrigin.Input? = nil
  ) -> NonFiniteOrigin {
    var input: String?
    if case .input(let name, _) = instruction.operation { input = name }
    return NonFiniteOrigin(
      position: position, replicas: replicas, layer: instruction.layer,
      operation: input == nil ? instruction.operation.mnemonic : nil,
      value: input ?? value.description, shape: shape(of: value).dimensions, element: element,
      number: number, line: text(of: instruction), largestInput: largestInput)
  }
}
