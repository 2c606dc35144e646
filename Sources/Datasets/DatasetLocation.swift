import Foundation

/// The file that images are read from, and why it was taken.
package struct DatasetLocation: Equatable, Sendable, CustomStringConvertible {
  package enum Origin: String, Sendable {
    case given = "given path"
    case environment = "$SELFGAN_DATA"
    case installed = "Debian's dataset-fashion-mnist"
  }

  package let path: String
  package let origin: Origin

  /// Where Debian's package dataset-fashion-mnist puts the training images.
  package static let fashionMNIST =
    "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"

  /// The names under which MNIST's training images are published, compressed or not.
  static let trainingImages = [
    "train-images-idx3-ubyte.gz", "train-images-idx3-ubyte",
    "train-images.idx3-ubyte.gz", "train-images.idx3-ubyte",
  ]

  package var description: String { "\(path) (\(origin.rawValue))" }

  /// Finds MNIST's training images.
  ///
  /// A given `path` is the only place searched. Without one it is `$SELFGAN_DATA`, then `installed`.
  /// Each place is a file, or a directory that holds one of the `trainingImages`.
  ///
  /// Throws `notFound`, which lists every place that was searched.
  package static func mnist(
    path: String?, environment: [String: String], installed: String = fashionMNIST
  ) throws(DatasetError) -> DatasetLocation {
    var places: [DatasetLocation] = []
    if let path {
      places.append(DatasetLocation(path: path, origin: .given))
    } else {
      if let directory = environment["SELFGAN_DATA"], !directory.isEmpty {
        places.append(DatasetLocation(path: directory, origin: .environment))
      }
      places.append(DatasetLocation(path: installed, origin: .installed))
    }
    for place in places {
      if let file = file(at: place.path) {
        return DatasetLocation(path: file, origin: place.origin)
      }
    }
    throw .notFound(searched: places.map(\.searched))
  }

  /// One IDX file, by its path.
  ///
  /// Throws `unreadable` where there is nothing, or a directory.
  package static func idx(path: String) throws(DatasetError) -> DatasetLocation {
    try requireRegularFile(at: path)
    return DatasetLocation(path: path, origin: .given)
  }

  private static func file(at path: String) -> String? {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      return nil
    }
    guard isDirectory.boolValue else { return path }
    return trainingImages.lazy.map { "\(path)/\($0)" }
      .first { FileManager.default.fileExists(atPath: $0) }
  }

  private var searched: String {
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    let place = origin == .environment ? "\(path) (\(origin.rawValue))" : path
    return exists && isDirectory.boolValue
      ? "\(place) (holds no \(Self.trainingImages.joined(separator: ", ")))" : place
  }
}
