/// The value of an attribute in a program's text: `{axes = [0, 1], epsilon = 0.001, stream =
/// "noise"}`.
enum Attribute: Hashable {
  case number(Double)
  case numbers([Double])
  case string(String)
  case strings([String])

  init(_ integers: [Int]) { self = .numbers(integers.map(Double.init)) }
  init(_ shape: Shape) { self.init(shape.dimensions) }

  var text: String {
    switch self {
    case .number(let number): Self.text(number)
    case .numbers(let numbers): "[" + numbers.map(Self.text).joined(separator: ", ") + "]"
    case .string(let string): "\"\(string)\""
    case .strings(let strings): "[" + strings.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
    }
  }

  private static func text(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? "\(number)"
  }
}

/// The text form of operations: a mnemonic and attributes, and back.
extension Operation {
  /// The operation's name in program text and messages.
  package var mnemonic: String {
    switch self {
    case .input: "input"
    case .variable: "variable"
    case .constant: "constant"
    case .replicaConstant: "replica_constant"
    case .random: "random"
    case .elementwise(let function): function.mnemonic
    case .product(let form): "product_\(form.mnemonic)"
    case .sum: "sum"
    case .broadcast: "broadcast"
    case .reshape: "reshape"
    case .transpose: "transpose"
    case .pad: "pad"
    case .slice: "slice"
    case .concatenate: "concatenate"
    case .convolution: "convolution"
    case .transposedConvolution: "transposed_convolution"
    case .kernelGradient: "kernel_gradient"
    case .resize(let method, _, _): "resize_\(method.rawValue)"
    case .resizeGradient(let method, _, _): "resize_\(method.rawValue)_gradient"
    case .upscale: "upscale"
    case .upscaleGradient: "upscale_gradient"
    case .averagePool: "average_pool"
    case .averagePoolGradient: "average_pool_gradient"
    case .dropout: "dropout"
    case .batchNorm: "batch_norm"
    case .batchNormGradient: "batch_norm_gradient"
    case .stopGradient: "stop_gradient"
    case .gradient: "gradient"
    case .allReduce: "all_reduce"
    case .dense: "dense"
    case .activationGradientBias: "activation_gradient_bias"
    case .reducedProduct: "reduced_product"
    case .biasedConvolution: "biased_convolution"
    case .upscaledKernel: "upscaled_kernel"
    case .upscaledKernelGradient: "upscaled_kernel_gradient"
    }
  }

  /// How many results the operation has; a `gradient` has one for each source.
  package var resultCount: Int {
    switch self {
    case .batchNorm, .batchNormGradient: 3
    case .activationGradientBias: 2
    default: 1
    }
  }

  var attributes: [(key: String, value: Attribute)] {
    switch self {
    case .input(let name, let shape): [("name", .string(name)), ("shape", Attribute(shape))]
    case .variable(let name): [("name", .string(name))]
    case .constant(let number, let shape):
      [("value", .number(number)), ("shape", Attribute(shape))]
    case .replicaConstant(let numbers): [("values", .numbers(numbers))]
    case .random(let distribution, let stream, let shape):
      [
        ("distribution", .string(distribution.rawValue)), ("stream", .string(stream)),
        ("shape", Attribute(shape)),
      ]
    case .elementwise(let function): function.attributes
    case .sum(let axes): [("axes", Attribute(axes))]
    case .broadcast(let shape), .reshape(let shape): [("shape", Attribute(shape))]
    case .transpose(let permutation): [("permutation", Attribute(permutation))]
    case .pad(let low, let high): [("low", Attribute(low)), ("high", Attribute(high))]
    case .slice(let from, let to): [("from", Attribute(from)), ("to", Attribute(to))]
    case .concatenate(let axis): [("axis", .number(Double(axis)))]
    case .batchNorm(let norm), .batchNormGradient(let norm):
      [("axes", Attribute(norm.axes)), ("epsilon", .number(norm.epsilon))]
        + norm.activation.attributes + (norm.dropout?.attributes ?? [])
    case .convolution(let convolution): convolution.attributes
    case .biasedConvolution(let convolution, let activation):
      convolution.attributes + activation.attributes
    case .transposedConvolution(let convolution, let height, let width),
      .kernelGradient(let convolution, let height, let width):
      convolution.attributes + Self.size(height, width)
    case .resize(_, let height, let width), .resizeGradient(_, let height, let width):
      Self.size(height, width)
    case .upscale(let factor), .upscaleGradient(let factor): [("factor", .number(Double(factor)))]
    case .averagePool(let pool): pool.attributes
    case .averagePoolGradient(let pool, let height, let width):
      pool.attributes + Self.size(height, width)
    case .dropout(let dropout): dropout.attributes
    case .allReduce(let reduction), .reducedProduct(let reduction):
      [("reduction", .string(reduction.rawValue))]
    case .dense(let activation), .activationGradientBias(let activation): activation.attributes
    case .product, .stopGradient, .gradient, .upscaledKernel, .upscaledKernelGradient: []
    }
  }

  private static func size(_ height: Int, _ width: Int) -> [(key: String, value: Attribute)] {
    [("height", .number(Double(height))), ("width", .number(Double(width)))]
  }

  /// The operation that text describes; nil where no operation has this mnemonic and these
  /// attributes.
  init?(mnemonic: String, attributes: [String: Attribute]) {
    var read = AttributeReader(attributes)
    guard let operation = try? Self.operation(mnemonic, &read), read.isExhausted else { return nil }
    self = operation
  }

  private static func operation(
    _ mnemonic: String, _ read: inout AttributeReader
  ) throws(AttributeReader.Missing) -> Operation {
    switch mnemonic {
    case "input": .input(name: try read.string("name"), shape: try read.shape())
    case "variable": .variable(name: try read.string("name"))
    case "constant": .constant(try read.number("value"), shape: try read.shape())
    case "replica_constant": .replicaConstant(try read.numbers("values"))
    case "random":
      .random(
        try read.word("distribution"), stream: try read.string("stream"), shape: try read.shape())
    case "sum": .sum(axes: try read.integers("axes"))
    case "broadcast": .broadcast(shape: try read.shape())
    case "reshape": .reshape(shape: try read.shape())
    case "transpose": .transpose(permutation: try read.integers("permutation"))
    case "pad": .pad(low: try read.integers("low"), high: try read.integers("high"))
    case "slice": .slice(from: try read.integers("from"), to: try read.integers("to"))
    case "concatenate": .concatenate(axis: try read.integer("axis"))
    case "convolution": .convolution(try read.convolution())
    case "biased_convolution": .biasedConvolution(try read.convolution(), try read.activation())
    case "transposed_convolution":
      .transposedConvolution(
        try read.convolution(), height: try read.integer("height"), width: try read.integer("width")
      )
    case "kernel_gradient":
      .kernelGradient(
        try read.convolution(), height: try read.integer("height"), width: try read.integer("width")
      )
    case "resize_nearest":
      .resize(
        .nearest, height: try read.integer("height"), width: try read.integer("width"))
    case "resize_bilinear":
      .resize(
        .bilinear, height: try read.integer("height"), width: try read.integer("width"))
    case "resize_nearest_gradient":
      .resizeGradient(
        .nearest, height: try read.integer("height"), width: try read.integer("width"))
    case "resize_bilinear_gradient":
      .resizeGradient(
        .bilinear, height: try read.integer("height"), width: try read.integer("width"))
    case "upscale": .upscale(factor: try read.integer("factor"))
    case "upscale_gradient": .upscaleGradient(factor: try read.integer("factor"))
    case "average_pool": .averagePool(try read.pool())
    case "average_pool_gradient":
      .averagePoolGradient(
        try read.pool(), height: try read.integer("height"), width: try read.integer("width"))
    case "dropout": .dropout(try read.dropout())
    case "upscaled_kernel": .upscaledKernel
    case "upscaled_kernel_gradient": .upscaledKernelGradient
    case "batch_norm": .batchNorm(try read.batchNorm())
    case "batch_norm_gradient": .batchNormGradient(try read.batchNorm())
    case "stop_gradient": .stopGradient
    case "gradient": .gradient
    case "all_reduce": .allReduce(try read.word("reduction"))
    case "reduced_product": .reducedProduct(try read.word("reduction"))
    case "dense": .dense(try read.activation())
    case "activation_gradient_bias": .activationGradientBias(try read.activation())
    default:
      if let form = ProductForm.allCases.first(where: { "product_\($0.mnemonic)" == mnemonic }) {
        .product(form)
      } else {
        .elementwise(try Elementwise(mnemonic: mnemonic, attributes: &read))
      }
    }
  }
}

extension ProductForm {
  fileprivate var mnemonic: String {
    switch self {
    case .plain: "plain"
    case .transposedRight: "transposed_right"
    case .transposedLeft: "transposed_left"
    }
  }
}

extension Activation {
  fileprivate var attributes: [(key: String, value: Attribute)] {
    switch self {
    case .identity: []
    case .tanh: [("activation", .string("tanh"))]
    case .sigmoid: [("activation", .string("sigmoid"))]
    case .leakyReLU(let slope):
      [("activation", .string("leaky_relu")), ("slope", .number(slope))]
    }
  }
}

extension ConvolutionAttributes {
  fileprivate var attributes: [(key: String, value: Attribute)] {
    [("strides", Attribute(strides)), ("low", Attribute(low)), ("high", Attribute(high))]
  }
}

extension PoolAttributes {
  fileprivate var attributes: [(key: String, value: Attribute)] {
    [("window", Attribute(window)), ("strides", Attribute(strides))]
  }
}

extension DropoutAttributes {
  fileprivate var attributes: [(key: String, value: Attribute)] {
    [
      ("rate", .number(rate)), ("streams", .strings(streams)),
      ("per", .string(perChannel ? "channel" : "element")),
    ]
  }
}

extension Elementwise {
  /// The functions without parameters, by their names in text.
  private static let plain: [String: Elementwise] = [
    "negate": .negate, "exp": .exp, "log": .log, "square_root": .squareRoot, "square": .square,
    "absolute": .absolute, "tanh": .tanh, "sigmoid": .sigmoid, "add": .add, "subtract": .subtract,
    "multiply": .multiply, "divide": .divide, "maximum": .maximum, "minimum": .minimum,
    "greater": .greater, "tanh_gradient": .tanhGradient, "sigmoid_gradient": .sigmoidGradient,
  ]
  private static let plainNames = Dictionary(
    uniqueKeysWithValues: plain.map { ($0.value, $0.key) })

  fileprivate var mnemonic: String {
    switch self {
    case .leakyReLU: "leaky_relu"
    case .leakyReLUGradient: "leaky_relu_gradient"
    case .clamp: "clamp"
    case .clampGradient: "clamp_gradient"
    default: Self.plainNames[self] ?? "elementwise"
    }
  }

  fileprivate var attributes: [(key: String, value: Attribute)] {
    switch self {
    case .leakyReLU(let slope), .leakyReLUGradient(let slope): [("slope", .number(slope))]
    case .clamp(let low, let high), .clampGradient(let low, let high):
      [("low", .number(low)), ("high", .number(high))]
    default: []
    }
  }

  fileprivate init(
    mnemonic: String, attributes read: inout AttributeReader
  ) throws(AttributeReader.Missing) {
    switch mnemonic {
    case "leaky_relu": self = .leakyReLU(slope: try read.number("slope"))
    case "leaky_relu_gradient": self = .leakyReLUGradient(slope: try read.number("slope"))
    case "clamp": self = .clamp(low: try read.number("low"), high: try read.number("high"))
    case "clamp_gradient":
      self = .clampGradient(low: try read.number("low"), high: try read.number("high"))
    default:
      guard let function = Self.plain[mnemonic] else { throw AttributeReader.Missing() }
      self = function
    }
  }
}

/// Takes attributes out of an instruction's text, so that what is left over is known.
struct AttributeReader {
  /// An attribute is absent, or of another kind.
  struct Missing: Error {}

  private var attributes: [String: Attribute]

  init(_ attributes: [String: Attribute]) { self.attributes = attributes }

  var isExhausted: Bool { attributes.isEmpty }

  mutating func number(_ key: String) throws(Missing) -> Double {
    guard case .number(let number) = attributes.removeValue(forKey: key) else { throw Missing() }
    return number
  }

  mutating func integer(_ key: String) throws(Missing) -> Int {
    guard let integer = Int(exactly: try number(key)) else { throw Missing() }
    return integer
  }

  mutating func numbers(_ key: String) throws(Missing) -> [Double] {
    guard case .numbers(let numbers) = attributes.removeValue(forKey: key) else { throw Missing() }
    return numbers
  }

  mutating func integers(_ key: String) throws(Missing) -> [Int] {
    let numbers = try numbers(key)
    let integers = numbers.compactMap(Int.init(exactly:))
    guard integers.count == numbers.count else { throw Missing() }
    return integers
  }

  mutating func shape() throws(Missing) -> Shape { Shape(try integers("shape")) }

  mutating func string(_ key: String) throws(Missing) -> String {
    guard case .string(let string) = attributes.removeValue(forKey: key) else { throw Missing() }
    return string
  }

  /// A string that names a case.
  mutating func word<Word: RawRepresentable<String>>(_ key: String) throws(Missing) -> Word {
    guard let word = Word(rawValue: try string(key)) else { throw Missing() }
    return word
  }

  mutating func activation() throws(Missing) -> Activation {
    guard attributes["activation"] != nil else { return .identity }
    switch try string("activation") {
    case "tanh": return .tanh
    case "sigmoid": return .sigmoid
    case "leaky_relu": return .leakyReLU(slope: try number("slope"))
    default: throw Missing()
    }
  }

  mutating func batchNorm() throws(Missing) -> BatchNormAttributes {
    BatchNormAttributes(
      axes: try integers("axes"), epsilon: try number("epsilon"), activation: try activation(),
      dropout: attributes["rate"] == nil ? nil : try dropout())
  }

  mutating func convolution() throws(Missing) -> ConvolutionAttributes {
    ConvolutionAttributes(
      strides: try integers("strides"), low: try integers("low"), high: try integers("high"))
  }

  mutating func pool() throws(Missing) -> PoolAttributes {
    PoolAttributes(window: try integers("window"), strides: try integers("strides"))
  }

  mutating func dropout() throws(Missing) -> DropoutAttributes {
    let rate = try number("rate")
    guard case .strings(let streams) = attributes.removeValue(forKey: "streams") else {
      throw Missing()
    }
    let perChannel: Bool
    switch try string("per") {
    case "channel": perChannel = true
    case "element": perChannel = false
    default: throw Missing()
    }
    return DropoutAttributes(rate: rate, streams: streams, perChannel: perChannel)
  }
}
