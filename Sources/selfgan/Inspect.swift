import ArgumentParser
import Program
import ProgramPasses
import RunConfiguration
import Training

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a configuration's layers, program and TPU legality.")

  @OptionGroup var options: RunOptions

  func run() throws {
    try Failure.reporting {
      let configuration = try options.load()
      let program = try TrainingStep(configuration).program()
      let lowering = configuration.lowering
      do {
        let lowered = try program.lowered(lowering)
        printLayers(program, lowered)
        print("\n# One step of one replica, as written\n\n\(program)")
        print("# The same step as it is executed\n\n\(lowered)")
      } catch {
        print("# One step of one replica, as written\n\n\(program)")
        try printLegality(program, lowering, configuration.tpu.version)
        throw error
      }
      try printLegality(program, lowering, configuration.tpu.version)
    }
  }

  private func printLayers(_ program: ReplicaProgram, _ lowered: ReplicaProgram) {
    print("# Layers\n")
    var layers: [String] = []
    for instruction in program.instructions where !layers.contains(instruction.layer) {
      layers.append(instruction.layer)
    }
    row("layer", "output", "parameters", "MFLOP a step and replica")
    var totals = (parameters: 0, operations: 0)
    for layer in layers {
      // A layer's output is the largest value that it computes; its other values are statistics and weights' shares.
      let shape = program.instructions.filter { $0.layer == layer }
        .flatMap(\.results).filter { program.type(of: $0).distribution == .perReplica }
        .map { program.shape(of: $0) }.max { $0.count < $1.count }
      let parameters = program.variables.filter {
        $0.role == .parameter && $0.name.hasPrefix(layer + "/")
          && !$0.name.dropFirst(layer.count + 1).contains("/")
      }.reduce(0) { $0 + $1.type.shape.count }
      let operations = lowered.instructions.filter { $0.layer == layer }
        .reduce(0) { $0 + lowered.floatingPointOperations(of: $1) }
      if parameters == 0 && operations == 0 { continue }
      row(layer, shape?.description ?? "", "\(parameters)", megaflops(operations))
      totals.parameters += parameters
      totals.operations += operations
    }
    row("total", "", "\(totals.parameters)", megaflops(lowered.floatingPointOperations))
  }

  private func megaflops(_ operations: Int) -> String {
    let tenths = operations / 100_000
    return "\(tenths / 10).\(tenths % 10)"
  }

  private func row(_ columns: String...) {
    let widths = [34, 24, 14, 0]
    print(
      zip(columns, widths).map { text, width in
        text + String(repeating: " ", count: max(width - text.count, 1))
      }.joined())
  }

  private func printLegality(
    _ program: ReplicaProgram, _ lowering: LoweringOptions, _ version: Configuration.TPU.Version
  ) throws(ProgramError) {
    let runtime = lowering.runtime
    print("# TPU \(version.rawValue), runtime \(runtime.rawValue)\n")
    let written = try program.expandingGradients()
    print(
      "TensorFlow operations as written: "
        + written.tensorFlowOperations.map(\.name).sorted().joined(separator: ", "))
    let missing = written.unsupportedOperations(on: runtime)
    if !missing.isEmpty { print("without a kernel: " + missing.map(name).joined(separator: ", ")) }
    var compiled = written
    if lowering.legalizes {
      let (legal, replacements) = try program.legalized(for: runtime)
      for replacement in replacements {
        print(
          "replaced: \(replacement.original) (\(replacement.layer)) by \(replacement.replacement)")
      }
      compiled = try legal.expandingGradients()
    }
    let refused = compiled.unsupportedOperations(on: runtime)
    print(
      refused.isEmpty
        ? "legal: every operation has a kernel"
        : "refused: " + refused.map(name).joined(separator: ", "))
    print("\n# Operations that some runtime has no kernel for\n")
    row("operation", TPURuntime.allCases.map(\.rawValue).joined(separator: "  "))
    for (operation, supported) in TPURuntime.support {
      row(
        operation,
        TPURuntime.allCases.map { supported.contains($0) ? "yes " : "no  " }
          .joined(separator: "  "))
    }
  }

  private func name(_ operation: UnsupportedOperation) -> String {
    "\(operation.name) (\(operation.layer))"
  }
}
