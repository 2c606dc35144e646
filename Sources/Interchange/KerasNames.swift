/// The paths that Keras 3 gives to the variables of two sequential models, `generator` and `discriminator`, in which
/// layers of a kind are numbered: `generator/dense/kernel`, `generator/dense_1/kernel`.
enum KerasNames {
  static func name(of variable: String) -> String {
    let layer = LayerName(ofVariable: variable)
    let kind =
      switch layer.kind {
      case "conv": "conv2d"
      case "batch_norm": "batch_normalization"
      default: layer.kind
      }
    let number = layer.index == 0 ? "" : "_\(layer.index)"
    return "\(layer.network)/\(kind)\(number)/\(layer.part)"
  }
}
