import FlyingFox
import Foundation
import WorkerProtocol

/// What a page asks besides documents: what there is to choose from, and runs.
struct StudioRoutes: Sendable {
  let settings: ServerSettings
  let catalogue: Catalogue
  let runs: RunRegistry
  let viewer: WorkerPool
  let pictures: FeaturePictures
  let hub: EventHub
  let folder: ImageFolder?

  func add(to routes: inout Routes) {
    struct About: Encodable {
      let version: String
      let folder: String?
      let formats: [String]
    }
    routes.add(.GET, "/api/studio") { _, _ in
      try .json(About(version: settings.version, folder: folder?.name, formats: try await formats()))
    }
    routes.add(.GET, "/api/tasks") { _, _ in try .json(await catalogue.tasks()) }
    routes.add(.GET, "/api/models") { _, _ in try .json(await catalogue.models()) }
    routes.add(.GET, "/api/features") { _, _ in try .json(await catalogue.features()) }
    routes.add(.GET, "/api/features/:name/picture") { _, words in
      .data(try await pictures.picture(of: words[0]), type: "image/jpeg").cached
    }
    routes.add(.GET, "/api/folder") { _, _ in
      struct Listing: Encodable {
        let name: String
        let images: [ImageFolder.Entry]
      }
      guard let folder else { throw StudioError(.notFound, "no folder was given at the start") }
      return try .json(Listing(name: folder.name, images: folder.images()))
    }
    routes.add(.GET, "/api/folder/:name/thumb") { _, words in
      guard let folder else { throw StudioError(.notFound, "no folder was given at the start") }
      return try await viewer.picture(of: folder.path(of: words[0]), area: nil, side: 256)
    }
    routes.add(.POST, "/api/documents/:id/runs") { request, words in
      struct Answer: Encodable { let runs: [RunView] }
      let wanted = try await request.json(RunRequest.self)
      return try .json(Answer(runs: await runs.begin(wanted, for: words[0])), status: 202)
    }
    routes.add(.POST, "/api/runs/:id/stop") { request, words in
      try await runs.stop(words[0], keeps: request.text("keep") == "1")
      return try .json([String](), status: 202)
    }
    routes.add(.GET, "/api/events") { _, _ in
      Reply(status: 200, type: "text/event-stream", body: .events(hub.listen()))
    }
  }

  /// Formats that results can have, as `--format` names them.
  private func formats() async throws -> [String] {
    let parameters = try await catalogue.tasks().flatMap(\.parameters)
    let choices = parameters.first { $0.isHost && $0.name == "format" }?.choices.map(\.name) ?? []
    return choices.filter { $0 != "auto" }
  }
}
