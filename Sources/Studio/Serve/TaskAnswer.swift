import Foundation
import WorkerProtocol

/// What a request for a task is answered with.
struct TaskAnswer {
  let task: TaskDescription
  let words: CommandWords
  let seed: String?
  let outcome: TaskRunner.Outcome
  let folder: RequestFolders.Folder
  let isReport: Bool

  /// One image as it is, else JSON.
  /// - Parameters:
  ///   - wantsJSON: whether an image is wanted as JSON, too.
  ///   - release: is called when all of it was sent.
  func reply(wantsJSON: Bool, release: @escaping @Sendable () -> Void) throws -> Reply {
    let outputs = outcome.result.outputs
    if outputs.count == 1, !wantsJSON, !isReport {
      let file = try SentFile(path(of: outputs[0]), release: release)
      var reply = Reply(status: 200, type: Self.mediaType(of: outputs[0]), body: .sent(file))
      reply.headers["Content-Disposition"] = SafeName.disposition("inline", SafeName(outputs[0]).text)
      reply.headers["X-Rtool-Seconds"] = String(format: "%.3f", outcome.result.seconds)
      if let seed { reply.headers["X-Rtool-Seed"] = seed }
      if !outcome.warnings.isEmpty {
        reply.headers["X-Rtool-Warnings"] = String(
          outcome.warnings.map(Self.headerText).joined(separator: " | ").prefix(Self.longestHeader))
      }
      return reply
    }
    // Names of files that are handed in begin with no point.
    let path = "\(folder.path)/.answer"
    try write(to: path)
    return Reply(status: 200, type: "application/json", body: .sent(try SentFile(path, release: release)))
  }

  private func path(of output: String) -> String {
    output.hasPrefix("/") ? output : "\(folder.path)/\(output)"
  }

  // MARK: JSON

  private func write(to path: String) throws {
    guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
      let file = FileHandle(forWritingAtPath: path)
    else { throw StudioError.writing("the answer", errno: errno) }
    defer { try? file.close() }
    do {
      try write { try file.write(contentsOf: $0) }
    } catch let error as CocoaError where error.code == .fileWriteOutOfSpace {
      throw StudioError.writing("the answer", errno: ENOSPC)
    }
  }

  private func write(_ write: (Data) throws -> Void) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    func member(_ name: String, _ value: some Encodable, after mark: String = ",") throws {
      try write(Data("\(mark)\"\(name)\":".utf8) + encoder.encode(value))
    }
    try member("command", words.command, after: "{")
    try member("seconds", (outcome.result.seconds * 1000).rounded() / 1000)
    try member("warnings", outcome.warnings)
    if let seed = seed.flatMap({ Int($0) }) { try member("seed", seed) }
    if isReport, Self.isJSON(outcome.text) {
      try write(Data(",\"report\":\(outcome.text)".utf8))
    } else if !outcome.text.isEmpty {
      try member("text", outcome.text)
    }
    try write(Data(",\"outputs\":[".utf8))
    for (index, output) in outcome.result.outputs.enumerated() {
      try member("name", SafeName(output).text, after: index == 0 ? "{" : ",{")
      try member("type", Self.mediaType(of: output))
      try write(Data(",\"base64\":\"".utf8))
      let file = try SentFile(path(of: output))
      var offset = 0
      // A multiple of three, so that the pieces join.
      while let data = try file.read(at: offset, upTo: 3 << 16) {
        try write(data.base64EncodedData())
        offset += data.count
      }
      try write(Data("\"}".utf8))
    }
    try write(Data("]}\n".utf8))
  }

  private static func isJSON(_ text: String) -> Bool {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)) != nil
  }

  // MARK: Words

  private static let mediaTypes = [
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "tif": "image/tiff",
    "tiff": "image/tiff", "avif": "image/avif", "heic": "image/heic", "gif": "image/gif", "jxl": "image/jxl",
  ]

  private static func mediaType(of name: String) -> String {
    mediaTypes[name.split(separator: ".").last?.lowercased() ?? ""] ?? "application/octet-stream"
  }

  /// Proxies take no head that is much longer.
  private static let longestHeader = 1500

  /// A header field has one line of ASCII: all else is percent-encoded.
  static func headerText(_ text: String) -> String {
    percentEncoded(text) { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "%") }
  }
}
