import FlyingFox
import Foundation
import WorkerProtocol

/// Tasks for other programs.
final class TaskServer: Serving {
  let longestRequest: Double

  init(_ settings: ServerSettings) async throws {
    longestRequest = settings.longestRun + 60
  }

  func reply(to request: HTTPRequest) async throws -> Reply {
    throw StudioError(.notFound, "there is nothing here")
  }

  func announce() async {}
}
