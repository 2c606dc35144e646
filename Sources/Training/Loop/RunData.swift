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
  /// - Parameter onSkip: hears of every bad image that `data.skipBroken` passes over, on any thread.
  /// - Throws: `TrainingError.dataset`, `.missing`
  package init(
    _ configuration: Configuration, onSkip: @escaping @Sendable (SkippedImage) -> Void = { _ in }
  ) throws(TrainingError) {
    self.configuration = configuration
    let stored = try Self.storedImages(configuration.data)
    do throws(DatasetError) {
      source =
        if let stored {
          try stored.openForTraining(configuration.imageRequest, onSkip: onSkip)
        } else {
          SyntheticImages(shape: configuration.imageRequest.shape, seed: configuration.seed)
        }
    } catch { throw .dataset(error) }
  }

  /// Where the images are; nil for drawings, which are in no file.
  private static func storedImages(
    _ data: Configuration.Dataset
  ) throws(TrainingError) -> StoredImages? {
    let path = data.path ?? ""
    if [.idx, .folder, .lmdb, .pack].contains(data.kind), data.path == nil {
      throw .missing(key: "data.path", reason: "data.kind is \(data.kind.rawValue)")
    }
    do throws(DatasetError) {
      return switch data.kind {
      case .mnist: .idx(try locateImages(path: data.path))
      case .idx: .idx(try DatasetLocation.idx(path: path))
      case .folder: .folder(path: path)
      case .lmdb: .lmdb(path: path)
      case .pack: .pack(path: path)
      case .synthetic: nil
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
          return
        }
      }
    }
    if let failure { throw .dataset(failure) }
    return images
  }

  /// The images' number and shape, which all processes must find alike.
  var extent: String { "\(source.count) images of \(source.shape)" }

  /// The batches of a process's replicas, each prepared while the step before runs.
  func batches(_ placement: Placement, process: Int) throws(TrainingError) -> any BatchProvider {
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
        source: source, schedule: schedule,
        examples: schedule.examples(
          ofReplicas: placement.run(rank: process), among: placement.replicas),
        consumers: placement.threads)
      loader.start(step: 0)
      return loader
    } catch { throw .dataset(error) }
  }
}

extension BatchLoader: BatchProvider {
  package func resume(at step: Int) { start(step: step) }
}

extension Configuration {
  fileprivate var imageRequest: ImageRequest {
    let image = model.image
    var request = ImageRequest(
      shape: ImageShape(height: image.height, width: image.width, channels: image.channels))
    request.filter = data.resize == .lanczos ? .lanczos : .bilinear
    request.fraction = data.fraction
    request.skipsBad = data.skipBroken
    return request
  }
}
