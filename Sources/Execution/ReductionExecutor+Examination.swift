import Kernels
import Program
import ProgramPasses

extension ReductionExecutor {
  /// Runs a phase, with the same calls in the same order, and examines the sums and what Adam has made
  /// of them.
  package func run(
    round: Int, phase: Int, _ search: NonFiniteSearch
  ) throws(ExecutionError) {
    let (calls, tasks) = rounds[round][phase]
    // Sums that Adam takes without storing them are made once more, for examination.
    let factory: KernelFactory
    do { factory = try KernelFactory(KernelLibraries(.openBLAS)) } catch {
      throw .kernel(error, operation: "all_reduce", layer: "")
    }
    let longest = tasks.map(\.range.count).max() ?? 0
    let scratch = factory.allocate(count: longest)

    func examineSums(_ range: Range<Int>, _ memory: UnsafeMutablePointer<Float>) {
      for slot in plan.slots where slot.round == round {
        examine(
          slot.offset..<(slot.offset + slot.count), within: range, memory,
          at: .sum(slot.instruction, round: round), search
        ) { element, number in
          let instruction = plan.program.instructions[slot.instruction]
          return plan.program.origin(
            instruction, instruction.results[0], at: .sum(slot.instruction, round: round), nil,
            element, number)
        }
      }
    }

    if receivesSums && phase == 0 {
      for sweep in plan.rounds[round] {
        let range = ParameterLayout.stretch(updates.index, of: updates.count, in: sweep.range)
        examineSums(range, reduced.pointer + range.lowerBound)
      }
    }
    try calls.run { callCount in
      if callCount > 0 {
        let task = tasks[callCount - 1]
        switch task.kind {
        case .sum: examineSums(task.range, reduced.pointer + task.range.lowerBound)
        case .update: examineUpdate(task, round, search)
        }
      }
      if callCount < tasks.count, case .update(adds: true) = tasks[callCount].kind {
        // A loop that has no error to return.
        _ = sums(tasks[callCount], into: scratch, factory).run()
        examineSums(tasks[callCount].range, scratch)
      }
    }
  }

  /// Examines the moments and parameters that Adam has written: in the order in which it does.
  private func examineUpdate(_ task: Task, _ round: Int, _ search: NonFiniteSearch) {
    let written: [(memory: AlignedBuffer, moment: Moment?)] = [
      (store.firstMoments, .first), (store.secondMoments, .second), (store.parameters, nil),
    ]
    for (index, variable) in plan.program.variables.enumerated() {
      guard let offset = plan.parameters.offsets[variable.name] else { continue }
      let shape = variable.type.shape
      for (place, (memory, moment)) in written.enumerated() {
        let position = StepPosition.update(
          index * written.count + place, after: plan.program.instructions.count, round: round)
        examine(
          offset..<(offset + shape.count), within: task.range,
          memory.pointer + task.range.lowerBound, at: position, search
        ) { element, number in
          NonFiniteOrigin(
            position: position, replicas: nil, layer: variable.layer, operation: "adam",
            value: variable.name(of: moment), shape: shape.dimensions, element: element,
            number: number, line: "", largestInput: nil)
        }
      }
    }
  }

  /// Examines the elements of a value that lie within `range`, and no padding.
  ///
  /// - Parameters:
  ///   - value: where in the reduction buffer, or among the parameters, all of its elements lie.
  ///   - memory: where `range` begins.
  private func examine(
    _ value: Range<Int>, within range: Range<Int>, _ memory: UnsafeMutablePointer<Float>,
    at position: StepPosition, _ search: NonFiniteSearch,
    _ origin: (_ element: Int, _ number: Float) -> NonFiniteOrigin
  ) {
    let own = value.clamped(to: range)
    if own.isEmpty { return }
    search.examine(
      WrittenPart(
        replicas: nil,
        memory: StridedTensor(
          pointer: memory + (own.lowerBound - range.lowerBound), dimensions: [own.count],
          strides: [1]),
        firstElement: own.lowerBound - value.lowerBound),
      at: position, origin)
  }
}
