import Datasets
import TestSupport
import Testing

@Suite("The location of MNIST")
struct DatasetLocationTests {
  private static let names =
    "train-images-idx3-ubyte.gz, train-images-idx3-ubyte, "
    + "train-images.idx3-ubyte.gz, train-images.idx3-ubyte"

  @Test(
    "is a known name in a directory",
    arguments: ["train-images-idx3-ubyte", "train-images.idx3-ubyte"], ["", ".gz"])
  func directory(name: String, suffix: String) throws {
    let directory = try ScratchDirectory()
    let file = try directory.write([], as: name + suffix)
    let location = try DatasetLocation.mnist(path: directory.path, environment: [:])
    #expect(location.path == file)
    #expect(location.origin == .given)
  }

  @Test("is a given file of any name, whatever the environment says")
  func given() throws {
    let directory = try ScratchDirectory()
    let given = try directory.write([], as: "given")
    let other = try directory.write([], as: "other")
    let location = try DatasetLocation.mnist(
      path: given, environment: ["SELFGAN_DATA": other], installed: other)
    #expect(location.description == "\(given) (given path)")
  }

  @Test("is $SELFGAN_DATA before what is installed, and what is installed without it")
  func order() throws {
    let directory = try ScratchDirectory()
    let environment = try directory.write([], as: "environment")
    let installed = try directory.write([], as: "installed")
    func origin(_ variables: [String: String]) throws -> DatasetLocation.Origin {
      try DatasetLocation.mnist(path: nil, environment: variables, installed: installed).origin
    }
    #expect(try origin(["SELFGAN_DATA": environment]) == .environment)
    #expect(try origin(["SELFGAN_DATA": directory.path]) == .installed)
    #expect(try origin(["SELFGAN_DATA": ""]) == .installed)
    #expect(try origin([:]) == .installed)
  }

  @Test("that is given is the only place searched")
  func onlyPlace() throws {
    let directory = try ScratchDirectory()
    let installed = try directory.write([], as: "installed")
    let missing = directory.path + "/missing"
    #expect(
      refusal(path: missing, environment: ["SELFGAN_DATA": installed], installed: installed)
        == "no MNIST training images found, searched \(missing); "
        + "Fashion-MNIST is installed by: apt-get install dataset-fashion-mnist")
  }

  @Test("that is not found names every place, and what was looked for in a directory")
  func everyPlace() throws {
    let directory = try ScratchDirectory()
    let missing = directory.path + "/missing"
    #expect(
      refusal(path: nil, environment: ["SELFGAN_DATA": directory.path], installed: missing)
        == "no MNIST training images found, searched \(directory.path) ($SELFGAN_DATA) "
        + "(holds no \(Self.names)), \(missing); "
        + "Fashion-MNIST is installed by: apt-get install dataset-fashion-mnist")
  }

  private func refusal(
    path: String?, environment: [String: String], installed: String
  ) -> String? {
    do throws(DatasetError) {
      _ = try DatasetLocation.mnist(
        path: path, environment: environment, installed: installed)
      return nil
    } catch {
      return error.description
    }
  }
}
