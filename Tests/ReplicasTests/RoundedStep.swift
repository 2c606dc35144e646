import Execution
import Kernels
import Program
import ProgramPasses

/// A step in float64 whose results, instruction by instruction, are rounded to float32: what is beyond
/// that becomes infinite. It tells which instruction is the first to make an infinity or a NaN,
/// without a kernel or a buffer.
struct RoundedStep {
  struct Origin: Equatable {
    /// The instruction's line in the program's text; empty where it is Adam.
    let line: String
    /// Adam's moment or the parameter.
    var variable: String?
    /// The lowest replica that has one; nil where they have the value in common.
    var replica: Int?
  }

  private(set) var first: Origin?

  /// - Parameters:
  ///   - images: of each replica.
  ///   - prepare: sets variables.
  init(
    _ program: ReplicaProgram, replicas: Int, seed: UInt64, images: [[Float]], input: String,
    prepare: (inout ReferenceInterpreter) -> Void
  ) throws {
    var culprits: [Int: Int?] = [:]
    var reference = ReferenceInterpreter(program, replicas: replicas, seed: seed)
    prepare(&reference)
    let shape = program.instructions.lazy.compactMap { instruction -> [Int]? in
      if case .input(input, let shape) = instruction.operation { shape.dimensions } else { nil }
    }.first
    let inputs = images.map {
      DoubleTensor(shape: shape ?? [], values: $0.map(Double.init))
    }
    _ = reference.run([input: inputs]) { instruction, results in
      let rounded = results.map { $0.map(\.rounded) }
      for (result, value) in zip(rounded, program.instructions[instruction].results) {
        guard let replica = result.firstIndex(where: { !$0.values.allSatisfy(\.isFinite) })
        else { continue }
        let isOwn = program.type(of: value).distribution == .perReplica
        culprits.updateValue(isOwn ? replica : nil, forKey: instruction)
        break
      }
      return rounded
    }
    // In the order in which a step computes; the plan of one replica has that of all.
    let order = try program.planned(width: 1).segments.joined()
    if let index = order.first(where: { culprits.keys.contains($0) }) {
      first = Origin(
        line: program.text(of: program.instructions[index]), replica: culprits[index] ?? nil)
      return
    }
    let written = program.variables.flatMap { variable -> [(String, DoubleTensor)] in
      guard let moments = reference.moments[variable.name] else { return [] }
      return [
        ("adam/first_moment/\(variable.name)", moments.first),
        ("adam/second_moment/\(variable.name)", moments.second),
      ] + (reference.variables[variable.name] ?? []).map { (variable.name, $0) }
    }
    first = written.first { !$0.1.rounded.values.allSatisfy(\.isFinite) }.map {
      Origin(line: "", variable: $0.0)
    }
  }
}

extension DoubleTensor {
  fileprivate var rounded: DoubleTensor {
    DoubleTensor(shape: shape, values: values.map { Double(Float($0)) })
  }
}
