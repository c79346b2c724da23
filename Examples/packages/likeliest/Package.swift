// swift-tools-version: 6.3
import PackageDescription

// The address of a repository of rtool, called so, whose versions are tags.
let repository = Context.environment["RTOOL_REPOSITORY"] ?? "file:///srv/git/rtool"

let package = Package(
  name: "likeliest",
  dependencies: [.package(url: repository, from: "0.2.0")],
  targets: [
    .executableTarget(name: "likeliest", dependencies: [.product(name: "RobustRuntime", package: "rtool")])
  ],
  swiftLanguageModes: [.v6]
)
