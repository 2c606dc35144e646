import Foundation
import Interchange
import RunConfiguration
import RunFiles
import TestSupport
import Testing

/// Files of other frameworks that do not fit, and those whose numbers are of other types.
@Suite struct ForeignFileTests {
  /// A tensor of a file that a test writes by hand.
  struct Tensor {
    var type = "F32"
    var shape: [Int]
    var data: Data
  }

  private static func configuration() throws -> Configuration {
    try InterchangeGolden.named("gan-pytorch").model.configuration()
  }

  /// The tensors of a right file, but for what `change` does to them.
  private static func file(
    in scratch: ScratchDirectory, _ change: (inout [String: Tensor]) -> Void
  ) throws -> String {
    let right = scratch.file("right")
    try WholeModel.weights(try configuration()).write(as: .pytorch, to: right)
    let reader = try SafetensorsReader(path: right, types: [.float32, .int64])
    var tensors: [String: Tensor] = [:]
    for entry in reader.entries {
      let isFloat = entry.type == .float32
      let data =
        isFloat
        ? reader.values(entry).withUnsafeBytes { Data($0) } : Data(repeating: 0, count: 8)
      tensors[entry.name] = Tensor(
        type: isFloat ? "F32" : "I64", shape: entry.shape, data: data)
    }
    change(&tensors)
    var header: [String: Any] = [:]
    var data = Data()
    for (name, tensor) in tensors {
      header[name] = [
        "dtype": tensor.type, "shape": tensor.shape,
        "data_offsets": [data.count, data.count + tensor.data.count],
      ]
      data += tensor.data
    }
    let json = try JSONSerialization.data(withJSONObject: header)
    let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
    return try scratch.write(length + json + data, as: "file")
  }

  private func expectRefusal(
    naming facts: [String], _ change: (inout [String: Tensor]) -> Void
  ) throws {
    let scratch = try ScratchDirectory()
    let path = try Self.file(in: scratch, change)
    let configuration = try Self.configuration()
    let error = #expect(throws: InterchangeError.self) {
      try ModelWeights(path: path, format: .pytorch, configuration: configuration)
    }
    let sentence = error?.description ?? ""
    for fact in [path] + facts {
      #expect(sentence.contains(fact), "\(sentence) does not name \(fact)")
    }
  }

  @Test func aRightFileIsTaken() throws {
    let scratch = try ScratchDirectory()
    let path = try Self.file(in: scratch) { _ in }
    _ = try ModelWeights(
      path: path, format: .pytorch, configuration: try Self.configuration())
  }

  @Test func aMissingTensorIsNamed() throws {
    try expectRefusal(naming: ["generator.model.2.weight", "no such tensor", "[256, 128]"]) {
      $0["generator.model.2.weight"] = nil
    }
  }

  @Test func anUnknownTensorIsNamed() throws {
    try expectRefusal(
      naming: ["generator.model.1.weight", "no tensor of this name", "generator.model.0.weight"]
    ) {
      $0["generator.model.1.weight"] = Tensor(shape: [1], data: Data(repeating: 0, count: 4))
    }
  }

  @Test func aTransposedKernelIsNamed() throws {
    try expectRefusal(naming: ["generator.model.2.weight", "[128, 256]", "[256, 128]"]) {
      $0["generator.model.2.weight"]?.shape = [128, 256]
    }
  }

  @Test func integersInThePlaceOfWeightsAreNamed() throws {
    try expectRefusal(naming: ["generator.model.3.bias", "I64", "BF16, F16, F32, F64"]) {
      $0["generator.model.3.bias"] = Tensor(
        type: "I64", shape: [256], data: Data(repeating: 0, count: 256 * 8))
    }
  }

  @Test func otherTypesAreNamed() throws {
    try expectRefusal(naming: ["generator.model.3.bias", "U8"]) {
      $0["generator.model.3.bias"] = Tensor(
        type: "U8", shape: [256], data: Data(repeating: 0, count: 256))
    }
  }

  /// PyTorch's counter of batches may be there or not.
  @Test func countersAreNotNeeded() throws {
    let scratch = try ScratchDirectory()
    let path = try Self.file(in: scratch) { tensors in
      tensors = tensors.filter { $0.value.type != "I64" }
    }
    _ = try ModelWeights(
      path: path, format: .pytorch, configuration: try Self.configuration())
  }

  /// 1.5, −0.25 and the smallest normal number of float16, in the bytes that IEEE 754 (and the upper half of float32's)
  /// give them, little-endian.
  @Test(arguments: [
    ("F16", [0x00, 0x3E, 0x00, 0xB4, 0x00, 0x04]),
    ("BF16", [0xC0, 0x3F, 0x80, 0xBE, 0x80, 0x38]),
    (
      "F64",
      [0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0, 0, 0, 0, 0, 0, 0xD0, 0xBF, 0, 0, 0, 0, 0, 0, 0x10, 0x3F]
    ),
  ])
  func otherFloatingPointNumbersAreTaken(_ type: String, _ bytes: [UInt8]) throws {
    let scratch = try ScratchDirectory()
    let size = bytes.count / 3
    let path = try Self.file(in: scratch) {
      $0["generator.model.3.bias"] = Tensor(
        type: type, shape: [256], data: Data(bytes) + Data(repeating: 0, count: 253 * size))
    }
    let weights = try ModelWeights(
      path: path, format: .pytorch, configuration: try Self.configuration())
    let values = try #require(weights.tensors["generator/batch_norm_0/beta"]).values
    #expect(values.prefix(4) == [1.5, -0.25, 0x1p-14, 0])
  }
}
