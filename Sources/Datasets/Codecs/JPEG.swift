import CTurboJPEG

/// libjpeg-turbo's own interface, which reports errors by its results rather than by `longjmp`.
func decodeJPEG(_ bytes: UnsafeRawBufferPointer) throws(ImageProblem) -> Picture {
  guard let decoder = tjInitDecompress() else {
    throw .unreadable(reason: "libjpeg-turbo gives no decoder")
  }
  defer { tjDestroy(decoder) }
  func problem() -> ImageProblem {
    .damaged(.jpeg, reason: tjGetErrorStr2(decoder).map { String(cString: $0) } ?? "no reason")
  }
  let data = bytes.bindMemory(to: UInt8.self).baseAddress
  var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
  guard
    tjDecompressHeader3(
      decoder, data, UInt(bytes.count), &width, &height, &subsampling, &colours) == 0
  else { throw problem() }
  guard width > 0, height > 0 else {
    throw .damaged(.jpeg, reason: "it ends before its header does")
  }
  guard colours != TJCS_CMYK.rawValue, colours != TJCS_YCCK.rawValue else { throw .fourInks }
  try Picture.requireSize(width: Int(width), height: Int(height))
  // What libjpeg only warns of has lost image data. The limit is of progressive scans.
  let flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
  return try Picture(width: Int(width), height: Int(height), channels: 3) {
    (levels) throws(ImageProblem) in
    let result = tjDecompress2(
      decoder, data, UInt(bytes.count), levels, width, 0, height, Int32(TJPF_RGB.rawValue), flags)
    guard result == 0 else { throw problem() }
  }
}
