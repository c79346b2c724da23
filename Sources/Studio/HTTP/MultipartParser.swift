import Foundation

/// Takes a body of multipart/form-data (RFC 7578, RFC 2046) apart as it arrives. What it keeps of it is bounded: the head of
/// one part, and as much of its data as may be the beginning of a boundary.
package struct MultipartParser {
  package enum Event: Equatable {
    case begin(Part)
    case data(Data)
    case end
  }

  /// What the head of a part says.
  package struct Part: Equatable, Sendable {
    package let name: String
    /// nil: it is a text.
    package let fileName: String?
  }

  /// More is refused.
  package static let mostParts = 1000
  package static let longestHead = 16 << 10

  private enum State { case preamble, boundary, head, data, epilogue }

  /// With the line end before it.
  private let delimiter: [UInt8]
  private var state = State.preamble
  /// What was not understood yet. The line end before the first boundary may be missing, and is added here.
  private var rest: [UInt8] = [13, 10]
  private var partCount = 0

  /// - Throws: `StudioError` where it is no boundary.
  package init(boundary: String) throws {
    guard (1...70).contains(boundary.utf8.count), boundary.utf8.allSatisfy({ (0x20...0x7E).contains($0) }),
      boundary.last != " "
    else {
      throw StudioError(.badRequest, "the request names no boundary of its parts, or one that cannot be")
    }
    delimiter = Array("\r\n--\(boundary)".utf8)
  }

  /// Takes the next bytes, and calls `take` with what they complete.
  /// - Throws: `StudioError` where they are no such body, and what `take` throws.
  package mutating func feed(_ data: Data, _ take: (Event) throws -> Void) throws {
    if state == .epilogue { return }
    rest.append(contentsOf: data)
    var position = 0
    defer { rest.removeFirst(position) }
    while try step(&position, take) {}
  }

  /// - Throws: `StudioError` where the last boundary did not come.
  package func finish() throws {
    guard state == .epilogue else {
      throw StudioError(.badRequest, "the request ends in the middle of its parts")
    }
  }

  /// - Returns: whether more may be understood without more bytes.
  private mutating func step(_ position: inout Int, _ take: (Event) throws -> Void) throws -> Bool {
    switch state {
    case .epilogue:
      position = rest.count
      return false
    case .preamble, .data:
      let end = find(delimiter, from: position)
      // What may be the beginning of a boundary waits for what follows.
      let dataEnd = end ?? max(position, rest.count - delimiter.count + 1)
      if state == .data, dataEnd > position { try take(.data(Data(rest[position..<dataEnd]))) }
      position = dataEnd
      guard end != nil else { return false }
      if state == .data { try take(.end) }
      position += delimiter.count
      state = .boundary
      return true
    case .boundary: return try passBoundary(&position)
    case .head: return try passHead(&position, take)
    }
  }

  /// Behind a boundary stands the end of its line, or `--` where it is the last.
  private mutating func passBoundary(_ position: inout Int) throws -> Bool {
    guard rest.count - position >= 2 else { return false }
    if rest[position...].starts(with: [0x2D, 0x2D]) {
      state = .epilogue
      position = rest.count
      return false
    }
    var at = position
    while at < rest.count, rest[at] == 0x20 || rest[at] == 0x09 { at += 1 }
    guard at - position <= 64 else { throw Self.confusion }
    guard rest.count - at >= 2 else { return false }
    guard rest[at...].starts(with: [13, 10]) else { throw Self.confusion }
    // The line end stays: a head without lines ends with it.
    position = at
    state = .head
    return true
  }

  private mutating func passHead(_ position: inout Int, _ take: (Event) throws -> Void) throws -> Bool {
    guard let end = find([13, 10, 13, 10], from: position), end - position <= Self.longestHead else {
      guard rest.count - position <= Self.longestHead else {
        throw StudioError(
          .badRequest, "the head of a part is longer than \(Self.longestHead >> 10) kilobytes")
      }
      return false
    }
    partCount += 1
    guard partCount <= Self.mostParts else {
      throw StudioError(.badRequest, "the request has more than \(Self.mostParts) parts")
    }
    let part = try Self.part(String(decoding: rest[position..<end], as: UTF8.self))
    try take(.begin(part))
    position = end + 4
    state = .data
    return true
  }

  private static func part(_ head: String) throws -> Part {
    var disposition: HeaderValue?
    for line in head.split(separator: "\r\n") {
      guard let colon = line.firstIndex(of: ":"), line.first != " ", line.first != "\t" else {
        throw StudioError(.badRequest, "the head of a part has a line that is no header field")
      }
      let value = String(line[line.index(after: colon)...])
      switch line[..<colon].lowercased() {
      case "content-disposition": disposition = HeaderValue(value)
      case "content-transfer-encoding":
        guard ["binary", "8bit", "7bit"].contains(HeaderValue(value)?.value) else {
          throw StudioError(.badRequest, "parts are taken as they are, not encoded in another way")
        }
      default: break
      }
    }
    guard let disposition, disposition.value == "form-data", let name = disposition["name"], !name.isEmpty
    else {
      throw StudioError(.badRequest, "a part does not say the name of its parameter")
    }
    return Part(name: name, fileName: disposition["filename"] ?? disposition["filename*"].map { _ in "file" })
  }

  private func find(_ pattern: [UInt8], from start: Int) -> Int? {
    rest.withUnsafeBytes { bytes -> Int? in
      guard let base = bytes.baseAddress else { return nil }
      var at = start
      while at + pattern.count <= bytes.count {
        guard let found = memchr(base + at, 13, bytes.count - pattern.count + 1 - at) else { return nil }
        at = UnsafeRawPointer(found) - base
        if memcmp(found, pattern, pattern.count) == 0 { return at }
        at += 1
      }
      return nil
    }
  }

  private static let confusion = StudioError(
    .badRequest, "the parts of the request are not separated as its boundary says")
}
