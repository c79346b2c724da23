/// A JSON value (RFC 8259). Objects keep their order, and refuse a name that stands twice.
package indirect enum JSONValue: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  package struct Member: Equatable {
    package var name: String
    package var value: JSONValue
  }

  /// Why a text is not JSON.
  package struct SyntaxError: Error {
    package let problem: String
    package let offset: Int
  }

  /// - Throws: `SyntaxError`
  init(_ text: UnsafeRawBufferPointer) throws {
    var parser = Parser(text: text)
    self = try parser.document()
  }

  /// - Throws: `SyntaxError`
  package init(_ text: String) throws {
    var text = text
    self = try text.withUTF8 { try JSONValue(UnsafeRawBufferPointer($0)) }
  }

  var string: String? { if case .string(let value) = self { value } else { nil } }
  var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
  package var object: [Member]? { if case .object(let members) = self { members } else { nil } }

  /// A whole number that is at least 0, and exact as a Double.
  var natural: Int? {
    if case .number(let value) = self, value >= 0, value <= 0x1p53, value == value.rounded(.down) {
      Int(value)
    } else {
      nil
    }
  }
}

private struct Parser {
  let text: UnsafeRawBufferPointer
  var at = 0

  /// Arrays and objects within each other; the parser calls itself once for each.
  static let deepest = 32

  init(text: UnsafeRawBufferPointer) { self.text = text }

  func failure(_ problem: String) -> JSONValue.SyntaxError {
    JSONValue.SyntaxError(problem: problem, offset: at)
  }

  var next: UInt8? { at < text.count ? text[at] : nil }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
  }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  mutating func document() throws -> JSONValue {
    let value = try value(depth: 0)
    skipSpace()
    guard at == text.count else { throw failure("something follows the value") }
    return value
  }

  mutating func value(depth: Int) throws -> JSONValue {
    guard depth < Parser.deepest else { throw failure("nested too deeply") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
    let length = word.utf8CodeUnitCount
    guard text.count - at >= length, (0..<length).allSatisfy({ text[at + $0] == word.utf8Start[$0] }) else {
      throw failure("unknown word")
    }
    at += length
    return value
  }

  mutating func object(depth: Int) throws -> JSONValue {
    at += 1
    var members: [JSONValue.Member] = []
    var names = Set<String>()
    skipSpace()
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("a name is missing") }
      let name = try string()
      guard names.insert(name).inserted else { throw failure("\(name.quoted) stands twice") }
      skipSpace()
      guard take(":") else { throw failure("':' is missing") }
      members.append(JSONValue.Member(name: name, value: try value(depth: depth + 1)))
      skipSpace()
    } while take(",")
    guard take("}") else { throw failure("'}' is missing") }
    return .object(members)
  }

  mutating func array(depth: Int) throws -> JSONValue {
    at += 1
    var values: [JSONValue] = []
    skipSpace()
    if take("]") { return .array(values) }
    repeat {
      values.append(try value(depth: depth + 1))
      skipSpace()
    } while take(",")
    guard take("]") else { throw failure("']' is missing") }
    return .array(values)
  }

  mutating func number() throws -> JSONValue {
    func digit(_ byte: UInt8?) -> Bool {
      byte.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? false
    }
    let start = at
    func digits(_ at: inout Int) -> Bool {
      let first = at
      while at < text.count, digit(text[at]) { at += 1 }
      return at > first
    }
    _ = take("-")
    if take("0") {} else if !digits(&at) { throw failure("a value is missing") }
    if take("."), !digits(&at) { throw failure("a digit is missing") }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      if !digits(&at) { throw failure("a digit is missing") }
    }
    guard let value = Double(String(decoding: text[start..<at], as: UTF8.self)), value.isFinite else {
      throw failure("a number is out of range")
    }
    return .number(value)
  }

  mutating func string() throws -> String {
    at += 1
    var bytes: [UInt8] = []
    while let byte = next {
      at += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: bytes, as: UTF8.self) else {
          throw failure("a string is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try bytes.append(contentsOf: String(Character(escape())).utf8)
      case 0..<0x20: throw failure("a control character stands in a string")
      default: bytes.append(byte)
      }
    }
    throw failure("a string does not end")
  }

  mutating func escape() throws -> Unicode.Scalar {
    guard let byte = next else { throw failure("a string does not end") }
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try codeUnit()
      if let scalar = Unicode.Scalar(first) { return scalar }
      guard first < 0xDC00, take("\\"), take("u") else { throw failure("half a surrogate pair") }
      let second = try codeUnit()
      guard (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x1_0000 + (UInt32(first) - 0xD800) << 10 + UInt32(second) - 0xDC00)
      else { throw failure("half a surrogate pair") }
      return scalar
    default: throw failure("unknown escape")
    }
  }

  mutating func codeUnit() throws -> UInt16 {
    guard text.count - at >= 4,
      let unit = UInt16(String(decoding: text[at..<at + 4], as: UTF8.self), radix: 16),
      text[at] != UInt8(ascii: "+")
    else { throw failure("four hexadecimal digits are missing") }
    at += 4
    return unit
  }
}

extension String {
  /// The text in quotes, short, and on one line: fit for an error message.
  var quoted: String {
    let line = String(
      prefix(60).map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 } ? "?" : $0 })
    return "'\(line)\(count > 60 ? "..." : "")'"
  }
}
