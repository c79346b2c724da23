import FlyingFox
import Foundation

extension HTTPRequest {
  /// All of the body, if it is not too long.
  /// - Throws: `StudioError`
  func body(upTo most: Int) async throws -> Data {
    let tooLarge = StudioError(.tooLarge, "the request has more than \(most >> 20) megabytes")
    let reader = Exchange.current?.body ?? BodyReader(self)
    if let length = reader.length, length > most { throw tooLarge }
    var data = Data()
    while let chunk = try await reader.next() {
      data.append(chunk)
      if data.count > most { throw tooLarge }
    }
    return data
  }

  /// - Throws: `StudioError` where the body is no such JSON.
  func json<Value: Decodable>(_: Value.Type) async throws -> Value {
    let data = try await body(upTo: 1 << 20)
    do {
      return try JSONDecoder().decode(Value.self, from: data)
    } catch {
      throw StudioError(.badRequest, "the request is not the JSON that is expected here")
    }
  }

  func text(_ name: String) -> String? { query.first { $0.name == name }?.value }

  func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
}
