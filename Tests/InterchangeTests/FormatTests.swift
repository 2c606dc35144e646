import Execution
import Foundation
import Interchange
import Kernels
import RunConfiguration
import RunFiles
import TestSupport
import Testing

/// Files for other frameworks against what PyTorch and Keras themselves have of the same weights
/// (Tests/Goldens/interchange/make_goldens.py): images of odd sizes and several channels, so that no two axes can be
/// taken for each other.
@Suite struct FormatTests {
  @Test(arguments: InterchangeGolden.names, WeightFormat.allCases)
  func tensorsAreTheFrameworksOwn(_ name: String, _ format: WeightFormat) throws {
    let golden = try InterchangeGolden.named(name)
    let scratch = try ScratchDirectory()
    let path = scratch.file("weights")
    try WholeModel.weights(try golden.model.configuration()).write(as: format, to: path)

    let reader = try SafetensorsReader(path: path, types: [.float32, .int64])
    let expected = golden[format].tensors
    #expect(Set(reader.entries.map(\.name)) == Set(expected.keys))
    for entry in reader.entries {
      let tensor = try #require(expected[entry.name])
      #expect(entry.shape == tensor.shape, "\(entry.name)")
      let isCounter = entry.name.hasSuffix("num_batches_tracked")
      #expect((entry.type == .int64) == isCounter, "\(entry.name)")
      // Steps, which the golden's fresh modules have not done.
      if isCounter {
        #expect(reader.values(entry) == [5])
        continue
      }
      let projection = DrawnWeights.projection(reader.values(entry))
      #expect(
        abs(projection - tensor.projection) <= 1e-9 * (1 + abs(tensor.projection)),
        "\(entry.name)")
    }
  }

  /// The modules of models.py compute what the networks here do.
  @Test(arguments: InterchangeGolden.names)
  func imagesAndValiditiesAreTheFrameworksOwn(_ name: String) throws {
    let golden = try InterchangeGolden.named(name)
    let configuration = try golden.model.configuration()
    let program = try WholeModel(configuration, examples: DrawnWeights.examples).program
    var interpreter = ReferenceInterpreter(program, replicas: 1, seed: 0)
    for tensor in DrawnWeights.tensors(of: program) {
      interpreter.variables[tensor.name] = [
        DoubleTensor(shape: tensor.shape, values: tensor.values.map(Double.init))
      ]
    }
    let outputs = interpreter.run([
      "noise": [DrawnWeights.noise(latentSize: golden.model.latentSize)]
    ])
    let images = try #require(outputs["images"]?.first).values.map(Float.init)
    let validity = try #require(outputs["validity"]?.first).values.map(Float.init)
    for format in WeightFormat.allCases {
      #expect(relativeError(images, golden[format].images) < 1e-5, "\(format)")
      #expect(relativeError(validity, golden[format].validity) < 1e-5, "\(format)")
    }
  }

  /// Readers that map a file want every number at a multiple of its size.
  @Test func numbersAreAligned() throws {
    let golden = try InterchangeGolden.named("dcgan-pytorch")
    let scratch = try ScratchDirectory()
    let path = try scratch.write(Data(), as: "weights")
    try WholeModel.weights(try golden.model.configuration()).write(as: .pytorch, to: path)
    let file = try scratch.data("weights")
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: file[8..<(8 + length)]) as? [String: [String: Any]])
    let sizes = ["F32": 4, "I64": 8]
    var integers = 0
    for (name, entry) in header where name != "__metadata__" {
      let type = try #require(entry["dtype"] as? String)
      let offsets = try #require(entry["data_offsets"] as? [Int])
      #expect((8 + length + offsets[0]) % sizes[type, default: 1] == 0, "\(name)")
      integers += type == "I64" ? 1 : 0
    }
    #expect(integers == 6)
    #expect(header["__metadata__"]?["format"] as? String == "pt")
  }

  @Test(arguments: InterchangeGolden.names, WeightFormat.allCases)
  func whatComesBackHasTheSameBits(_ name: String, _ format: WeightFormat) throws {
    let configuration = try InterchangeGolden.named(name).model.configuration()
    let scratch = try ScratchDirectory()
    let path = scratch.file("weights")
    let weights = try WholeModel.weights(configuration)
    try weights.write(as: format, to: path)
    let back = try ModelWeights(path: path, format: format, configuration: configuration)
    #expect(back.tensors.count == weights.tensors.count)
    for (name, tensor) in weights.tensors {
      #expect(back.tensors[name]?.shape == tensor.shape, "\(name)")
      #expect(bits(back.tensors[name]?.values ?? []) == bits(tensor.values), "\(name)")
    }
  }
}
