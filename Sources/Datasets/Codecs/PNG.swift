import CPNG

/// libpng's simplified interface, which reports errors by its results rather than by `longjmp`.
func decodePNG(_ bytes: UnsafeRawBufferPointer) throws(ImageProblem) -> Picture {
  var image = png_image()
  image.version = UInt32(PNG_IMAGE_VERSION)
  defer { png_image_free(&image) }
  guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
    throw .damaged(.png, reason: message(image))
  }
  let (width, height) = (Int(image.width), Int(image.height))
  try Picture.requireSize(width: width, height: height)
  // libpng takes 16 bits for linear light where it is not told that they are not.
  image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
  // Without alpha in the result, libpng would lay the image on a background.
  let hasAlpha = image.format & UInt32(PNG_FORMAT_FLAG_ALPHA) != 0
  image.format = UInt32(PNG_FORMAT_RGB | (hasAlpha ? PNG_FORMAT_FLAG_ALPHA : 0))
  let picture = try Picture(width: width, height: height, channels: hasAlpha ? 4 : 3) {
    (levels) throws(ImageProblem) in
    guard png_image_finish_read(&image, nil, levels, 0, nil) != 0 else {
      throw .damaged(.png, reason: message(image))
    }
  }
  return hasAlpha ? try picture.withoutAlpha() : picture
}

private func message(_ image: png_image) -> String {
  withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

extension Picture {
  fileprivate func withoutAlpha() throws(ImageProblem) -> Picture {
    try Picture(width: width, height: height, channels: 3) { colours in
      levels.withUnsafeBufferPointer { levels in
        for index in 0..<height * width {
          for channel in 0..<3 {
            (colours + 3 * index + channel).initialize(to: levels[4 * index + channel])
          }
        }
      }
    }
  }
}
