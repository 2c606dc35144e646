import Foundation
import SwiftProtobuf

/// One thing that TensorBoard shows of a step. A tag's part before its first "/" is the group that
/// it is shown in.
package enum SummaryValue: Sendable, Equatable {
  /// A point of a curve, rounded to float32; NaN and infinities are written as they are.
  case scalar(tag: String, Double)
  /// A PNG file; its height and width in pixels, its channels from 1 (grey) to 4 (RGB and alpha).
  case image(tag: String, png: [UInt8], height: Int, width: Int, channels: Int)
  /// How the values of a tensor are distributed.
  case histogram(tag: String, ValueHistogram)
  /// Markdown.
  case text(tag: String, String)

  /// The message of this value.
  var message: Summary.Value {
    Summary.Value.with { message in
      switch self {
      case .scalar(let tag, let value):
        message.tag = tag
        message.simpleValue = Float(value)
      case .image(let tag, let png, let height, let width, let channels):
        message.tag = tag
        message.image.height = Int32(clamping: height)
        message.image.width = Int32(clamping: width)
        message.image.colorspace = Int32(clamping: channels)
        message.image.encodedImageString = Data(png)
      case .histogram(let tag, let histogram):
        message.tag = tag
        message.histo = histogram.message
      case .text(let tag, let markdown):
        message.tag = tag
        message.metadata.pluginData.pluginName = "text"
        message.tensor.dtype = .dtString
        message.tensor.tensorShape = TensorShapeProto()
        message.tensor.stringVal = [Data(markdown.utf8)]
      }
    }
  }
}
