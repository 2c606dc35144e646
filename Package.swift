// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// oneDNN is used where Debian's `libdnnl-dev` (or another copy with the same C API) is installed;
/// OpenBLAS always is.
let oneDNNIsPresent = FileManager.default.fileExists(atPath: "/usr/include/dnnl.h")

/// Continuous integration treats every warning as an error.
let house: [SwiftSetting] =
  Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// What the page of a report is made of; `Sources/Report/Page/embedded.c` compiles it in.
let reportPageFiles =
  try FileManager.default
  .contentsOfDirectory(atPath: Context.packageDirectory + "/Sources/Report/Page")
  .filter { name in [".html", ".css", ".js"].contains { name.hasSuffix($0) } }

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house)
}

/// The names of the tests to build, where `Tests/Sanitizers/run` asks for some of them only.
let chosenTests = Context.environment["SELFGAN_TESTS"]?.split(separator: " ").map(String.init)

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name + "Tests", dependencies: dependencies, swiftSettings: house)
}

/// The program that libFuzzer drives (`Tests/Fuzz/run`), which normal builds leave out.
let fuzzer: [Target] =
  Context.environment["SELFGAN_FUZZ"] == nil
  ? []
  : [
    .executableTarget(
      name: "Fuzzer", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Fuzzer",
      swiftSettings: house + [.unsafeFlags(["-parse-as-library"])])
  ]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "selfgan",
  products: [.executable(name: "selfgan", targets: ["selfgan"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  // In the order in which data flows; the tests and C libraries come last.
  targets: [
    module("RunConfiguration", ["Yams"]),
    module("RandomStreams"),
    module("Datasets", ["RandomStreams", "CPNG", "CTurboJPEG", "CWebP", "CZlib"]),
    module("Statistics"),
    module("RunFiles", ["CPNG", "CXXHash"]),
    .target(
      name: "TensorBoard",
      dependencies: ["CCRC32C", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["events.proto"], swiftSettings: house),
    module("Program"),
    module("ProgramPasses", ["Program"]),
    .target(
      name: "Kernels",
      dependencies: ["CKernels", "COpenBLAS"] + (oneDNNIsPresent ? ["COneDNN"] : []),
      swiftSettings: house + (oneDNNIsPresent ? [.define("ONEDNN")] : [])),
    module("Execution", ["Program", "ProgramPasses", "Kernels", "RandomStreams"]),
    module(
      "Replicas", ["Program", "ProgramPasses", "Kernels", "Execution", "COpenMPI", "CXXHash"]),
    module(
      "Training",
      [
        "RunConfiguration", "RandomStreams", "Datasets", "Statistics", "RunFiles", "TensorBoard",
        "Program", "ProgramPasses", "Kernels", "Execution", "Replicas",
      ]),
    .target(
      name: "Interchange",
      dependencies: [
        "RunConfiguration", "RunFiles", "Program", "Training",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["ONNX/onnx.proto"], swiftSettings: house),
    module("RunAnalysis", ["RunConfiguration", "RunFiles", "Statistics"]),
    module("RunReport", ["RunConfiguration", "Statistics", "RunFiles", "RunAnalysis"]),
    .target(name: "Report", dependencies: ["CReportPage"], exclude: ["Page"], swiftSettings: house),
    .target(name: "CReportPage", path: "Sources/Report/Page", exclude: reportPageFiles),
    module(
      "Sweep",
      ["RunConfiguration", "RunFiles", "Training", "Statistics", "RunAnalysis", "RunReport"]),
    .executableTarget(
      name: "selfgan",
      dependencies: [
        "RunConfiguration", "Datasets", "RunFiles", "Program", "ProgramPasses", "Kernels",
        "Execution", "Replicas", "Training", "Interchange", "RunAnalysis", "Report", "RunReport",
        "Sweep", argumentParser, .product(name: "FlyingFox", package: "FlyingFox"),
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ],
      swiftSettings: house),

    .target(name: "CKernels"),
    .target(name: "COpenMPI"),
    .systemLibrary(name: "CCRC32C", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
    .target(name: "COpenBLAS", linkerSettings: [.linkedLibrary("openblas")]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
    .systemLibrary(
      name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    .target(
      name: "TestSupport", dependencies: ["Program", "Execution", "Replicas"],
      path: "Tests/TestSupport"),
    // The readers of what comes from outside, one a format, which fuzzer and tests feed.
    .target(
      name: "FuzzTargets",
      dependencies: [
        "RunConfiguration", "Datasets", "RunFiles", "Program", "RunAnalysis", "RunReport",
        "CXXHash",
        "CZlib",
      ],
      path: "Tests/Fuzz/Targets", swiftSettings: house),
    tests("Fuzz", ["FuzzTargets"]),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    tests("RunConfiguration", ["RunConfiguration"]),
    tests("RandomStreams", ["RandomStreams"]),
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
    tests(
      "Datasets",
      ["Datasets", "RandomStreams", "CLMDB", "CPNG", "CTurboJPEG", "CWebP", "TestSupport"]),
    tests("RunFiles", ["RunFiles", "CPNG", "TestSupport"]),
    tests("TensorBoard", ["TensorBoard", "CCRC32C", "TestSupport"]),
    tests("Program", ["Program", "TestSupport"]),
    tests("ProgramPasses", ["Program", "ProgramPasses", "Kernels", "Execution", "TestSupport"]),
    tests("Kernels", ["Kernels", "RandomStreams", "TestSupport"]),
    tests("Execution", ["Program", "ProgramPasses", "Kernels", "Execution", "TestSupport"]),
    tests(
      "Replicas",
      [
        "Program", "ProgramPasses", "Kernels", "Execution", "Replicas", "TestSupport",
        "CAllocationCounter",
      ]),
    tests(
      "Training",
      [
        "RunConfiguration", "RandomStreams", "RunFiles", "Program", "ProgramPasses", "Kernels",
        "Execution", "Replicas", "Training", "TestSupport",
      ]),
    tests(
      "Interchange",
      [
        "RunConfiguration", "RandomStreams", "RunFiles", "Program", "Kernels", "Execution",
        "Training", "Interchange", "TestSupport",
      ]),
    tests("Statistics", ["Statistics"]),
    tests("Sweep", ["RunConfiguration", "RunFiles", "RunReport", "Sweep", "TestSupport"]),
    .testTarget(
      name: "ReportTests", dependencies: ["Report"], exclude: ["Fixtures", "browse.py"],
      swiftSettings: house),
    tests(
      "RunAnalysis", ["RunConfiguration", "RunFiles", "Statistics", "RunAnalysis", "TestSupport"]),
    tests("RunReport", ["RunReport", "RunAnalysis", "TestSupport"]),
    // A program that mpirun starts for the tests, to use communicators between real processes.
    .executableTarget(
      name: "CommunicatorCheck", dependencies: ["Program", "Execution", "Replicas"],
      path: "Tests/CommunicatorCheck", swiftSettings: house),
    tests(
      "Command",
      [
        "selfgan", "CommunicatorCheck", "RunConfiguration", "RunFiles", "Program", "RandomStreams",
        "Training", "TestSupport",
      ]),
  ]
    + (oneDNNIsPresent
      ? [
        .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl")])
      ] : [])
    + fuzzer)

if let chosenTests {
  package.targets.removeAll { $0.isTest && !chosenTests.contains($0.name) }
}
