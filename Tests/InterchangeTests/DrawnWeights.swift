import Foundation
import Interchange
import Kernels
import Program
import RandomStreams
import RunConfiguration
import RunFiles

/// The weights of Tests/Goldens/interchange/make_goldens.py.
enum DrawnWeights {
  static let seed: UInt64 = 7
  /// Examples in a batch of its noise.
  static let examples = 3

  /// Of `interchange/<variable>`: kernels ±√(3 / inputs), scales and variances in (0.5, 1.5), all others in
  /// (−0.5, 0.5).
  static func tensor(_ name: String, shape: [Int]) -> NamedTensor {
    let stream = RandomStream(seed: seed, name: "interchange/\(name)")
    let values = (0..<shape.reduce(1, *)).map { element in
      let u = stream.uniform(element: element, example: 0, step: 0)
      return switch name.split(separator: "/").last {
      case "kernel":
        Float((2 * u - 1) * (3 / Double(shape.dropLast().reduce(1, *))).squareRoot())
      case "gamma", "moving_variance": Float(0.5 + u)
      default: Float(u - 0.5)
      }
    }
    return NamedTensor(name, shape: shape, values)
  }

  static func tensors(of program: ReplicaProgram) -> [NamedTensor] {
    program.variables.map { tensor($0.name, shape: $0.type.shape.dimensions) }
  }

  /// [examples, latent]
  static func noise(latentSize: Int) -> DoubleTensor {
    let stream = RandomStream(seed: seed, name: "noise")
    let values = (0..<(examples * latentSize)).map { index in
      // As make_goldens.py gives it to the frameworks.
      Double(
        Float(stream.normal(element: index % latentSize, example: index / latentSize, step: 0)))
    }
    return DoubleTensor(shape: [examples, latentSize], values: values)
  }

  /// Σᵢ uᵢ·xᵢ with the uniform draws of stream `projection`.
  static func projection(_ values: [Float]) -> Double {
    let stream = RandomStream(seed: seed, name: "projection")
    return values.enumerated().reduce(0) { sum, element in
      sum + stream.uniform(element: element.offset, example: 0, step: 0) * Double(element.element)
    }
  }
}

/// What PyTorch, Keras and ONNX Runtime made of these weights.
struct InterchangeGolden: Decodable {
  struct Tensor: Decodable {
    let shape: [Int]
    let projection: Double
  }

  struct Framework: Decodable {
    let tensors: [String: Tensor]
    /// [examples, height, width, channels]
    let images: [Double]
    let validity: [Double]
  }

  struct Model: Decodable {
    struct Image: Decodable { let height, width, channels: Int }
    let kind, layout: String
    let latentSize: Int
    let image: Image

    func configuration() throws -> Configuration {
      try Configuration.decode(
        """
        model:
          {kind: \(kind), layout: \(layout), latentSize: \(latentSize), image: {height: \(image.height),
           width: \(image.width), channels: \(image.channels)}}
        data: {kind: synthetic}
        batchSize: 8
        replicas: 2
        threads: 1
        """, source: "golden")
    }
  }

  struct Case: Decodable {
    let model: Model
    let pytorch: Framework
    let keras: Framework

    subscript(format: WeightFormat) -> Framework { format == .pytorch ? pytorch : keras }
  }

  let cases: [String: Case]
  let onnx: [String: [Double]]

  static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Goldens/interchange").standardized

  static func load() throws -> InterchangeGolden {
    try JSONDecoder().decode(
      InterchangeGolden.self,
      from: Data(contentsOf: directory.appending(path: "interchange.json")))
  }

  static let names = ["gan-keras", "gan-pytorch", "dcgan-keras", "dcgan-pytorch"]

  static func named(_ name: String) throws -> Case {
    guard let golden = try load().cases[name] else { throw CocoaError(.fileReadCorruptFile) }
    return golden
  }
}

/// A configuration's networks, one after the other, with moving statistics.
struct WholeModel {
  let program: ReplicaProgram

  init(_ configuration: Configuration, examples: Int) throws {
    let networks = configuration.networks
    let builder = ProgramBuilder(name: "model")
    let noise = builder.input("noise", shape: [examples, networks.latentSize])
    let images = networks.generator(noise, mode: .moving)
    builder.output("images", images)
    builder.output(
      "validity",
      networks.discriminator(
        images.reshaped(Shape([1] + images.shape.dimensions)), mode: .moving))
    program = try builder.finish()
  }

  /// Weights drawn as the goldens' are.
  static func weights(_ configuration: Configuration) throws -> ModelWeights {
    let program = try WholeModel(configuration, examples: 1).program
    return try ModelWeights(
      configuration, DrawnWeights.tensors(of: program), step: 5, file: "drawn")
  }
}
