import Datasets
import Foundation
import Replicas
import RunConfiguration

/// The images that a configuration trains on.
package struct RunData {
  private let source: any ImageSource
  private let configuration: Configuration

  /// Finds and opens the images.
  ///
  /// - Throws: `TrainingError.dataset`, `.unavailable`
  package init(_ configuration: Configuration) throws(TrainingError) {
    self.configuration = configuration
    if [.folder, .lmdb, .pack].contains(configuration.data.kind) {
      throw .unavailable(key: "data.kind", expected: "mnist, idx and synthetic")
    }
    if configuration.data.kind == .idx, configuration.data.path == nil {
      throw .missing(key: "data.path", reason: "data.kind is idx")
    }
    let path = configuration.data.path
    let image = configuration.model.image
    let shape = ImageShape(height: image.height, width: image.width, channels: image.channels)
    do throws(DatasetError) {
      switch configuration.data.kind {
      case .mnist:
        source = try IDXImages(
          Self.locateImages(path: path), expecting: shape)
      case .idx:
        source = try IDXImages(DatasetLocation.idx(path: path ?? ""), expecting: shape)
      case .synthetic:
        source = SyntheticImages(shape: shape, seed: configuration.seed)
      case .folder, .lmdb, .pack: preconditionFailure("refused above")
      }
    } catch { throw .dataset(error) }
  }

  /// Where MNIST's training images are.
  package static func locateImages(path: String?) throws(DatasetError) -> DatasetLocation {
    try DatasetLocation.mnist(path: path, environment: ProcessInfo.processInfo.environment)
  }

  /// Which images were taken, for the log.
  package var origin: String { "\(source)" }

  /// The first `count` images, [count, height, width, channels]; fewer where there are not so many.
  package func firstImages(_ count: Int) throws(TrainingError) -> [Float] {
    let length = source.shape.elementCount
    let count = min(count, source.count)
    var images = [Float](repeating: 0, count: count * length)
    var failure: DatasetError?
    images.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      for row in 0..<count {
        do throws(DatasetError) { try source.read(row: row, into: start + row * length) } catch {
          failure = error
        }
      }
    }
    if let failure { throw .dataset(failure) }
    return images
  }

  /// The batches of the run, each prepared while the step before runs.
  func batches() throws(TrainingError) -> any BatchProvider {
    let order: BatchOrder =
      switch configuration.data.order {
      case .replacement: .replacement
      case .shuffled: .shuffled
      case .sequential: .sequential
      }
    do throws(DatasetError) {
      let schedule = try RowSchedule(
        count: source.count, batchSize: configuration.batchSize, order: order,
        seed: configuration.seed)
      let loader = BatchLoader(
        source: source, schedule: schedule, examples: 0..<configuration.batchSize,
        consumers: configuration.workerCount)
      loader.start(step: 0)
      return loader
    } catch { throw .dataset(error) }
  }
}

extension BatchLoader: BatchProvider {}
