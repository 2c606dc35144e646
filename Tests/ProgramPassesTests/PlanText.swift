import Program
import ProgramPasses

extension ExecutionPlan {
  /// What is executed in which order, and where every value lies, in floats.
  var text: String {
    var lines = [
      "width \(width), arena \(arenaCount), constants \(constantCount),"
        + " reductions \(reductionCount), parameters \(parameters.count)"
    ]
    var time = 0
    for (segment, instructions) in segments.enumerated() {
      lines.append("segment \(segment)")
      for index in instructions {
        let instruction = program.instructions[index]
        lines.append("  \(time): \(program.text(of: instruction))")
        lines += instruction.results.map { "       " + place(of: $0) }
        time += 1
      }
      if segment < rounds.count {
        lines.append("round \(segment)")
        lines += rounds[segment].map { "  \(text(of: $0))" }
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func place(of value: Value) -> String {
    let place =
      switch storage[value.index] {
      case .arena(let offset): "arena \(offset)..<\(offset + count(of: value))"
      case .constant(let offset): "constants \(offset)..<\(offset + count(of: value))"
      case .variable(let name): "variable \(name)"
      case .reduced(let offset): "reduced \(offset)..<\(offset + count(of: value))"
      case .none: "nowhere"
      }
    let outer = outerCounts[value.index]
    return "\(value) in \(place)" + (outer == 1 ? "" : ", \(outer) outside the replicas")
  }

  private func text(of sweep: Sweep) -> String {
    "\(sweep.range) \(sweep.reduction.rawValue)" + (sweep.stores ? ", stored" : "")
      + (sweep.adam == nil ? "" : ", adam")
  }
}
