import Datasets
import Foundation
import TestSupport
import Testing

@Suite("A folder of images")
struct ImageFolderTests {
  @Test("lists the images in it and within it by the bytes of their paths")
  func order() throws {
    let directory = try ScratchDirectory()
    try directory.makeDirectory("b/inner")
    try directory.makeDirectory("empty")
    for name in [
      "é.png", "z.jpeg", "a.JPG", "B.webp", "b.png", "b/inner/1.png", "b/10.png", "b/2.png",
      "notes.txt", "png", "a.png.txt",
    ] { try directory.write([], as: name) }
    let folder = try ImageFolder(path: directory.path)
    #expect(
      folder.files
        == [
          "B.webp", "a.JPG", "b.png", "b/10.png", "b/2.png", "b/inner/1.png", "z.jpeg", "é.png",
        ].map(directory.file))
    #expect(folder.count == 8)
  }

  @Test("follows links to files, not to directories")
  func links() throws {
    let (directory, other) = (try ScratchDirectory(), try ScratchDirectory())
    try other.write(GoldenImages.bytes("colour.png"), as: "target")
    try other.write([], as: "unseen.png")
    let manager = FileManager.default
    try manager.createSymbolicLink(
      atPath: directory.file("link.png"), withDestinationPath: other.file("target"))
    try manager.createSymbolicLink(
      atPath: directory.file("directory"), withDestinationPath: other.path)
    try manager.createSymbolicLink(
      atPath: directory.file("ring.png"), withDestinationPath: directory.path)
    let folder = try ImageFolder(path: directory.path)
    #expect(folder.files == [directory.file("link.png")])
    let images = try DecodedImages(
      folder, shape: ImageShape(height: 20, width: 24, channels: 3), filter: .lanczos)
    #expect(try levels(of: images, row: 0).count == 1440)
  }

  @Test("without an image, or that is no directory, is refused")
  func empty() throws {
    let directory = try ScratchDirectory()
    let file = try directory.write([], as: "notes.txt")
    #expect(
      refusal(directory.path)
        == "\(directory.path) holds no image, expected files named .png, .jpg, .jpeg or .webp")
    #expect(refusal(file) == "\(file) cannot be read: Not a directory")
    let missing = directory.file("missing")
    #expect(refusal(missing) == "\(missing) cannot be read: No such file or directory")
  }

  private func refusal(_ path: String) -> String? {
    errorSentence { () throws(DatasetError) in _ = try ImageFolder(path: path) }
  }

  @Test("gives its first images for a fraction")
  func fraction() throws {
    let directory = try ScratchDirectory()
    for index in 0..<10 { try directory.write([], as: "\(index).png") }
    let folder = try ImageFolder(path: directory.path, fraction: 0.2)
    #expect(folder.count == 2)
    #expect(folder.files == [directory.file("0.png"), directory.file("1.png")])
    #expect(try ImageFolder(path: directory.path, fraction: 0.001).count == 1)
  }
}
