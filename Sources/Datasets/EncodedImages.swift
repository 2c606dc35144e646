/// Compressed images, each in a file or a record of its own.
package protocol EncodedImages: Sendable {
  /// The file or directory that they are in.
  var path: String { get }
  /// For the log: `folder /photos`.
  var place: String { get }
  var files: [String] { get }
  var count: Int { get }

  /// What an error calls the image of a row.
  func name(ofRow row: Int) -> String
  /// What the image's name promises, where it has one.
  func promisedFormat(ofRow row: Int) -> ImageFormat?

  /// Gives the compressed bytes of an image to `body`.
  func withBytes<Value>(
    ofRow row: Int, _ body: (UnsafeRawBufferPointer) throws(ImageProblem) -> Value
  ) throws(ImageProblem) -> Value
}

extension EncodedImages {
  /// The image of a row in RGB and its own size.
  func picture(row: Int) throws(DatasetError) -> Picture {
    do throws(ImageProblem) {
      return try withBytes(ofRow: row) { (bytes) throws(ImageProblem) in
        try Picture(decoding: bytes, named: promisedFormat(ofRow: row))
      }
    } catch { throw .badImage(image: name(ofRow: row), error) }
  }
}
