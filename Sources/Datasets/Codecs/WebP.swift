import CWebP

func decodeWebP(_ bytes: UnsafeRawBufferPointer) throws(ImageProblem) -> Picture {
  let data = bytes.bindMemory(to: UInt8.self).baseAddress
  var configuration = WebPDecoderConfig()
  guard WebPInitDecoderConfig(&configuration) != 0 else {
    throw .unreadable(reason: "libwebp has another version than its headers")
  }
  try require(WebPGetFeatures(data, bytes.count, &configuration.input))
  guard configuration.input.has_animation == 0 else { throw .animated }
  let (width, height) = (Int(configuration.input.width), Int(configuration.input.height))
  try Picture.requireSize(width: width, height: height)
  // Without an alpha channel in the result, libwebp leaves the colours as they are stored.
  configuration.output.colorspace = MODE_RGB
  configuration.output.is_external_memory = 1
  return try Picture(width: width, height: height, channels: 3) {
    (levels) throws(ImageProblem) in
    configuration.output.u.RGBA = WebPRGBABuffer(
      rgba: levels, stride: Int32(3 * width), size: 3 * width * height)
    try require(WebPDecode(data, bytes.count, &configuration))
  }
}

private func require(_ status: VP8StatusCode) throws(ImageProblem) {
  switch status {
  case VP8_STATUS_OK: return
  case VP8_STATUS_NOT_ENOUGH_DATA, VP8_STATUS_SUSPENDED:
    throw .damaged(.webP, reason: "it ends before its data does")
  case VP8_STATUS_OUT_OF_MEMORY: throw .unreadable(reason: "libwebp is out of memory")
  case VP8_STATUS_UNSUPPORTED_FEATURE:
    throw .damaged(.webP, reason: "it has a feature that libwebp does not know")
  default: throw .damaged(.webP, reason: "its data is no WebP bitstream")
  }
}
