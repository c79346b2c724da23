import Foundation
import WorkerProtocol

/// Pictures of what features respond to, made by the task that shows features, and kept.
actor FeaturePictures {
  private let folder: String
  private let catalogue: Catalogue
  private let previews: WorkerPool

  init(state: String, _ catalogue: Catalogue, previews: WorkerPool) {
    folder = state + "/features"
    (self.catalogue, self.previews) = (catalogue, previews)
  }

  /// A JPEG file.
  func picture(of name: String) async throws -> Data {
    guard let index = try await catalogue.features().firstIndex(where: { $0.name == name }) else {
      throw StudioError(.notFound, "there is no feature \(name.prefix(60))")
    }
    let file = "feature-\(index).jpg"
    if let data = FileManager.default.contents(atPath: "\(folder)/\(file)") { return data }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let request = WorkerRequest.run(
      .init(
        arguments: ["visualize", "--feature", name, "--steps", "60", "-o", file], folder: folder,
        isWatched: false))
    _ = try await previews.withWorker { try await $0.answer(to: request) }
    guard let data = FileManager.default.contents(atPath: "\(folder)/\(file)") else {
      throw StudioError(.failed, "no picture was made of \(name)")
    }
    return data
  }
}
