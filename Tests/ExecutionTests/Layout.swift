import Program

/// How a tensor of a test comes to lie in memory.
enum Layout: CaseIterable {
  /// [width, …]: an input.
  case replicaMajor
  /// [passes, width, …]: a concatenation along the first axis.
  case stacked
  /// Without a replica axis: a variable that all share.
  case replicated

  /// Seeded numbers in [−2, 2] of `shape`, whose first extent is at least 2 where it is stacked.
  func source(_ builder: ProgramBuilder, _ name: String, _ shape: Shape) -> Tensor {
    switch self {
    case .replicaMajor: return builder.input(name, shape: shape)
    case .stacked:
      let part = Shape(Array(shape.dimensions.dropFirst()))
      let parts = (0..<shape[0]).map { pass in
        builder.input("\(name)_\(pass)", shape: part)
          .reshaped(Shape([1] + part.dimensions))
      }
      return builder.concatenate(parts, axis: 0)
    case .replicated:
      return builder.variable(name, shape: shape, role: .state, initial: .uniform(bound: 2))
    }
  }
}
