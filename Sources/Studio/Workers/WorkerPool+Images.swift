import Foundation
import WorkerProtocol

extension WorkerPool {
  /// A part of an image file as a page shows it.
  func picture(of path: String, area: PixelRectangle?, side: Int) async throws -> Reply {
    let side = min(max(side, 16), 8192)
    let answer = try await withWorker {
      try await $0.answer(to: .view(.init(file: path, area: area, longestSide: side)))
    }
    guard case .image(let base64, let type) = answer, let data = Data(base64Encoded: base64) else {
      throw WorkerPool.confusion
    }
    return .data(data, type: type)
  }

  func facts(of path: String) async throws -> ImageFacts {
    let answer = try await withWorker { try await $0.answer(to: .inspect(file: path)) }
    guard case .facts(let facts) = answer else { throw WorkerPool.confusion }
    return facts
  }

  /// What a worker that answers something else is told of as.
  static let confusion = StudioError(.broken, "a worker answered something else")
}
