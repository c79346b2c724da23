import CVips

/// The failure of a libvips operation, before it is known which input or output it concerns.
struct VipsError: Error {
  /// libvips's words, on one line.
  let reason: String

  init(reason: String) { self.reason = reason }

  /// Takes the words from libvips's error buffer.
  init() {
    guard let text = cvips_take_error() else {
      reason = "unknown reason"
      return
    }
    let words = tidied(String(cString: text))
    reason = words.contains("rror creating thread") ? Self.noThread : words
    cvips_free(text)
  }

  static let noThread = "no thread can be started; allow more processes (ulimit -u) or more memory"
}

/// Joins the distinct lines of a libvips message, without the names of its operations.
package func tidied(_ message: String) -> String {
  var parts: [String] = []
  for line in message.split(whereSeparator: \.isNewline) {
    let text = withoutOperation(String(line.unicodeScalars.map { $0.value < 32 ? " " : Character($0) }))
    if !text.isEmpty, !parts.contains(text) { parts.append(text) }
    if parts.count == 3 { break }
  }
  let joined = parts.joined(separator: "; ")
  if joined.isEmpty { return "unknown reason" }
  return joined.count > 200 ? joined.prefix(200) + "..." : joined
}

/// "pngload_source: libpng read error" -> "libpng read error"
private func withoutOperation(_ line: String) -> String {
  var rest = Substring(line)
  while let colon = rest.firstIndex(of: ":"), !rest[..<colon].contains(" ") {
    rest = rest[rest.index(after: colon)...].drop { $0 == " " }
  }
  return String(rest.trimmingSpaces)
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    var rest = drop { $0 == " " }
    while rest.last == " " { rest.removeLast() }
    return rest
  }
}
