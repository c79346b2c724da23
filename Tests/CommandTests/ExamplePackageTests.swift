import Foundation
import Testing

/// The example package that depends on RobustRuntime by version, as a package elsewhere would: on a tag of a repository.
@Suite struct ExamplePackageTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func isInstalled(_ program: String) -> Bool {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
  }

  @discardableResult
  private func run(_ words: String..., in folder: URL, environment: [String: String] = [:]) throws -> String {
    let output = folder.appending(path: "output-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: output) }
    let status = try Spawn(
      program: "/usr/bin/env", arguments: words, folder: folder.path,
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
      output: output.path, errors: output.path, secondsAllowed: 900
    ).run()
    let text = String(decoding: try Data(contentsOf: output), as: UTF8.self)
    try #require(status == 0, "\(words): \(text.suffix(2000))")
    return text
  }

  @Test(.enabled(if: isInstalled("git") && isInstalled("swift"), "git or swift is not on the path"))
  func theRuntimeIsADependencyByVersion() throws {
    let sandbox = try Sandbox()
    let folder = URL(fileURLWithPath: sandbox.folder)
    let (repository, package) = (folder.appending(path: "rtool"), folder.appending(path: "likeliest"))
    try FileManager.default.createDirectory(at: repository, withIntermediateDirectories: false)
    for name in ["Package.swift", "Sources"] {
      try FileManager.default.copyItem(
        at: Self.root.appending(path: name), to: repository.appending(path: name))
    }
    try FileManager.default.copyItem(
      at: Self.root.appending(path: "Examples/packages/likeliest"), to: package)
    try run("git", "init", "-q", in: repository)
    try run("git", "add", "-A", in: repository)
    try run(
      "git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-qm", "All", in: repository
    )
    try run("git", "tag", "0.2.0", in: repository)

    let environment = ["RTOOL_REPOSITORY": "file://\(repository.path)"]
    // Swift's optimizer takes most of a build, and what it makes of the runtime is what the other tests run.
    try run(
      "swift", "build", "-c", "release", "-Xswiftc", "-Onone", "-Xswiftc", "-gnone", "--manifest-cache",
      "none",
      "--cache-path", sandbox.path("cache"), in: package, environment: environment)
    let model = Self.root.appending(path: "Models/photos.safetensors").path
    let said = try run(".build/release/likeliest", model, "pizza", in: package)
    let losses = said.split(separator: " ").compactMap { Double($0.trimmingCharacters(in: .newlines)) }
    #expect(losses.count == 2 && losses[1] < losses[0] / 2, "\(said)")
  }
}
