import Program
import RunConfiguration

/// A variable of the model, and the tensor that another framework has in its place.
struct Correspondence {
  let variable: Variable
  /// The other framework's.
  let name: String
  let shape: [Int]
  /// From the variable's numbers to the tensor's.
  let order: AxisOrder

  /// Of each variable of the model, in the order of its layers.
  static func all(
    of configuration: Configuration, in format: WeightFormat
  ) throws(InterchangeError) -> [Correspondence] {
    let outline = try ModelOutline(configuration)
    return outline.variables.map { variable in
      switch format {
      case .pytorch:
        Correspondence(
          pytorch: variable, name: PyTorchNames.name(of: variable.name, in: configuration.model),
          outline)
      case .keras: Correspondence(keras: variable, name: KerasNames.name(of: variable.name))
      }
    }
  }

  /// The Keras layouts are this project's own.
  private init(keras variable: Variable, name: String) {
    let shape = variable.type.shape.dimensions
    self.init(variable: variable, name: name, shape: shape, order: .kept(shape))
  }

  /// Kernels are [out, in] and [out, in, height, width], and an image as a row of numbers is
  /// [channels, height, width].
  private init(pytorch variable: Variable, name: String, _ outline: ModelOutline) {
    let shape = variable.type.shape.dimensions
    let layer = LayerName(ofVariable: variable.name).path
    let order: AxisOrder
    switch (shape.count, outline.imagesTaken[layer], outline.imagesMade[layer]) {
    case (4, _, _): order = AxisOrder(extents: shape, permutation: [3, 2, 0, 1])
    case (2, let taken?, nil):
      order = AxisOrder(extents: taken + [shape[1]], permutation: [3, 2, 0, 1])
    case (2, nil, let made?):
      order = AxisOrder(extents: [shape[0]] + made, permutation: [3, 1, 2, 0])
    case (2, let taken?, let made?):
      order = AxisOrder(extents: taken + made, permutation: [5, 3, 4, 2, 0, 1])
    case (2, nil, nil): order = AxisOrder(extents: shape, permutation: [1, 0])
    case (1, _, let made?): order = AxisOrder(extents: made, permutation: [2, 0, 1])
    default: order = .kept(shape)
    }
    self.init(
      variable: variable, name: name,
      shape: shape.count == 2 ? [shape[1], shape[0]] : shape.count == 4 ? order.result : shape,
      order: order)
  }

  private init(variable: Variable, name: String, shape: [Int], order: AxisOrder) {
    (self.variable, self.name, self.shape, self.order) = (variable, name, shape, order)
  }
}

/// The parts of a variable's name: `generator/dense_0/kernel`.
struct LayerName {
  /// `generator/dense_0`
  let path: String
  /// `generator`
  let network: String
  /// `dense`
  let kind: String
  /// Among the network's layers of this kind.
  let index: Int
  /// `kernel`
  let part: String

  init(ofVariable name: String) {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    precondition(parts.count == 3, name)
    (network, part) = (parts[0], parts[2])
    path = parts[0] + "/" + parts[1]
    let words = parts[1].split(separator: "_")
    kind = words.dropLast().joined(separator: "_")
    index = words.last.flatMap { Int($0) } ?? 0
  }
}
