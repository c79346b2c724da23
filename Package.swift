// swift-tools-version: 6.3
import Foundation
import PackageDescription

/// The bundled tasks: each is one folder in Plugins and becomes one dynamic library, librtool-NAME.so. SwiftPM remembers
/// what this file says: `swift build --manifest-cache none`, as in the Makefile, sees a new folder.
let tasks =
  ((try? FileManager.default.contentsOfDirectory(atPath: Context.packageDirectory + "/Plugins")) ?? [])
  .filter { !$0.hasPrefix(".") }.sorted()

/// The libraries in a task's folders: Algorithms is what can be tested apart from the task, Kernels its SIMD loops in C.
func library(_ folder: String, of task: String) -> String? {
  let path = Context.packageDirectory + "/Plugins/\(task)/\(folder)"
  return FileManager.default.fileExists(atPath: path) ? task.capitalized + folder : nil
}

/// The targets of a task.
func targets(of task: String) -> [Target] {
  let path = "Plugins/\(task)"
  let (kernels, algorithms) = (library("Kernels", of: task), library("Algorithms", of: task))
  func dependencies(_ own: String?) -> [Target.Dependency] {
    ["RTool"] + (own.map { [.byName(name: $0)] } ?? [])
  }
  var targets: [Target] = []
  if let kernels { targets.append(.target(name: kernels, path: path + "/Kernels")) }
  if let algorithms {
    targets.append(.target(name: algorithms, dependencies: dependencies(kernels), path: path + "/Algorithms"))
  }
  targets.append(
    .target(
      name: task, dependencies: dependencies(algorithms), path: path,
      exclude: (kernels == nil ? [] : ["Kernels"]) + (algorithms == nil ? [] : ["Algorithms"])))
  return targets
}

/// The include folders of a C library. SwiftPM's own pkg-config support would also link it,
/// and libvips is loaded at run time, when the first image is opened.
func includeFlags(of library: String) -> [String] {
  let pkgConfig = Process()
  pkgConfig.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  pkgConfig.arguments = ["pkg-config", "--cflags-only-I", library]
  let output = Pipe()
  pkgConfig.standardOutput = output
  try? pkgConfig.run()
  let flags = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    .split(whereSeparator: \.isWhitespace).map(String.init)
  // SwiftPM keeps what this file says until the file changes, so that nothing may be said that is wrong.
  guard !flags.isEmpty else { fatalError("pkg-config finds no \(library); run `make setup` first") }
  return flags
}

/// Tests that run little code of their own are not optimized, which takes longer than they do. Those of the runtime are:
/// their oracles compute much.
let unoptimized = [SwiftSetting.unsafeFlags(["-Onone"])]

let package = Package(
  name: "rtool",
  products: [
    .executable(name: "rtool", targets: ["rtool"]),
    .executable(name: "rtool-studio", targets: ["rtool-studio"]),
    .library(name: "RobustRuntime", targets: ["RobustRuntime"]),
    .library(name: "RTool", targets: ["RTool"]),
  ]
    + tasks.map { .library(name: "rtool-\($0)", type: .dynamic, targets: [$0]) },
  dependencies: [.package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1")],
  targets: [
    .systemLibrary(name: "CRTool"),
    .target(name: "CVips", cSettings: [.unsafeFlags(includeFlags(of: "vips"))]),
    .target(name: "CArchive"),
    .target(name: "CAVIF"),
    .target(name: "CJPEG"),
    .target(name: "CRaw"),
    .target(name: "CLastWords"),
    .target(name: "CKernels"),
    .target(name: "EmbeddedModel"),
    .target(name: "WorkerProtocol"),
    .target(name: "StudioPage", exclude: ["page"]),
    .target(
      name: "Studio",
      dependencies: ["StudioPage", "WorkerProtocol", .product(name: "FlyingFox", package: "FlyingFox")]),
    .target(name: "PixelGrid"),
    .target(name: "RobustRuntime", dependencies: ["CKernels", "PixelGrid"]),
    .target(name: "Imaging", dependencies: ["CAVIF", "CJPEG", "CRaw", "CVips", "PixelGrid"]),
    .target(name: "Datasets", dependencies: ["CArchive", "Imaging", "RobustRuntime"]),
    .target(name: "RTool", dependencies: ["CRTool"]),
    .target(
      name: "Host",
      dependencies: [
        "CLastWords", "CRTool", "RobustRuntime", "Imaging", "PixelGrid", "Datasets", "EmbeddedModel",
        "WorkerProtocol",
      ]),
    .executableTarget(
      name: "rtool", dependencies: ["Host"],
      // An installation keeps the Swift runtime beside the plugins.
      linkerSettings: [.unsafeFlags(["-Xlinker", "-rpath=$ORIGIN/../lib/rtool/swift"])]),
    // A program of its own, so that others start without a server's libraries.
    .executableTarget(name: "rtool-studio", dependencies: ["Studio"]),
    .testTarget(
      name: "RuntimeTests", dependencies: ["PixelGrid", "RobustRuntime", "CKernels"],
      resources: [.copy("Golden")]),
    .testTarget(name: "HostTests", dependencies: ["Host", "Imaging"], swiftSettings: unoptimized),
    .testTarget(name: "RToolTests", dependencies: ["CRTool", "RTool"], swiftSettings: unoptimized),
    .testTarget(
      name: "AlgorithmTests",
      dependencies: ["CRTool", "RTool"]
        + tasks.flatMap { task in ["Algorithms", "Kernels"].compactMap { library($0, of: task) } }
        .map { .byName(name: $0) },
      swiftSettings: unoptimized),
    .testTarget(
      name: "ImagingTests", dependencies: ["CAVIF", "CRaw", "Imaging", "PixelGrid"],
      swiftSettings: unoptimized),
    .testTarget(
      name: "DatasetTests", dependencies: ["Datasets", "Imaging", "CVips"], swiftSettings: unoptimized),
    .testTarget(
      name: "StudioTests",
      dependencies: ["Studio", "WorkerProtocol", .product(name: "FlyingFox", package: "FlyingFox")],
      swiftSettings: unoptimized),
    .testTarget(
      name: "CommandTests", dependencies: ["Imaging", "PixelGrid"], exclude: ["Snapshots", "Golden"],
      swiftSettings: unoptimized),
  ]
    + tasks.flatMap(targets),
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu2x
)

// RTOOL_TESTS="RuntimeTests DatasetTests" in the environment: these test targets and what they use are all there is, for
// builds of their own such as those with sanitizers.
if let wanted = Context.environment["RTOOL_TESTS"] {
  var names: Set<String> = []
  func add(_ name: String) {
    guard names.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else {
      return
    }
    for case .byNameItem(let dependency, _) in target.dependencies { add(dependency) }
  }
  for name in wanted.split(separator: " ") { add(String(name)) }
  package.targets.removeAll { !names.contains($0.name) }
  package.products = []
  package.dependencies = []
}
