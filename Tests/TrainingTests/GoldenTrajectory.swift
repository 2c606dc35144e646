import Foundation
import RunConfiguration

/// Ten training steps as TensorFlow or PyTorch did them in float64 (`Tests/Goldens/README.md`).
struct GoldenTrajectory: Decodable {
  /// A tensor's norm and four signed sums of its elements.
  struct Digest: Decodable {
    let norm: Double
    let sums: [Double]

    private static let masks = [0x1, 0x6, 0x5A, 0x3C3]

    init(_ values: [Double]) {
      norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      sums = Self.masks.map { mask in
        values.enumerated().reduce(0) { sum, element in
          sum
            + ((element.offset & mask).nonzeroBitCount % 2 == 0
              ? element.element : -element.element)
        }
      }
    }

    /// The largest difference of a number from the other's, where `scale` is the size of 1.
    func distance(from other: Digest, scale: Double) -> Double {
      zip([norm] + sums, [other.norm] + other.sums).map { abs($0 - $1) }.max().map { $0 / scale }
        ?? 0
    }
  }

  struct Step: Decodable {
    let replicas: [[String: Double?]]
    let generated: Digest
    let gradient: [String: Digest]
    let parameter: [String: Digest]
  }

  /// The longest first, so that none is left alone at the end.
  static let names = [
    "dcgan-keras-bedroom", "dcgan-pytorch-bedroom", "keras-paper", "keras-validity",
    "keras-published", "pytorch-gpu-loss", "pytorch-gpu-validity", "pytorch-shards",
    "pytorch-classic", "dcgan-keras-paper", "dcgan-keras-published", "dcgan-pytorch-gpu",
    "dcgan-pytorch-classic",
  ]

  let steps: [Step]

  static func load(_ name: String) throws -> (trajectory: GoldenTrajectory, run: Configuration) {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Goldens/recorded/\(name).json").standardized
    let data = try Data(contentsOf: file)
    let trajectory = try JSONDecoder().decode(GoldenTrajectory.self, from: data)
    let header = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let configuration = try JSONSerialization.data(withJSONObject: header?["configuration"] ?? [:])
    // JSON is YAML.
    let run = try Configuration.decode(
      String(decoding: configuration, as: UTF8.self), source: name)
    return (trajectory, run)
  }
}
