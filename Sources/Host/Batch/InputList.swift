import Glibc
import RobustRuntime

/// The inputs that a list names. It is a table where its name ends in .csv, .tsv, .jsonl or .ndjson, or where it begins
/// with a header that names the first image beside other columns, or with an object; else it has names alone, with zero
/// bytes or line ends between.
struct InputList {
  private let name: String
  private let text: String
  private let batched: CommandParameter
  /// What columns may be.
  private let parameters: [CommandParameter]

  /// - Throws: `Failure` where the list cannot be read.
  init(_ path: String, batched: CommandParameter, parameters: [CommandParameter]) throws {
    guard !isFolder(path) else { throw Failure.failed("\(path) is a folder, and --files-from needs a file") }
    guard let bytes = path == "-" ? FileBytes.ofStandardInput() : Self.bytes(of: path) else {
      throw Failure.failed("\(path): the list cannot be read: \(String(cString: strerror(errno)))")
    }
    name = path == "-" ? "standard input" : path
    let text = String(decoding: bytes, as: UTF8.self)
    // Spreadsheets put a byte-order mark before the text.
    self.text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    (self.batched, self.parameters) = (batched, parameters)
  }

  private static func bytes(of path: String) -> [UInt8]? {
    if let bytes = FileBytes.ofRegularFile(path) { return bytes }
    // A pipe with a name, such as of <(find ...).
    return FileBytes.ofPipe(path)
  }

  private enum Kind {
    case names, objects
    case table(separator: UInt8)
  }

  private var kind: Kind {
    if text.utf8.contains(0) { return .names }
    let ending = name.split(separator: ".").last.map { $0.lowercased() }
    switch ending {
    case "csv": return .table(separator: UInt8(ascii: ","))
    case "tsv": return .table(separator: UInt8(ascii: "\t"))
    case "jsonl", "ndjson": return .objects
    default: break
    }
    if text.hasPrefix("{\"") { return .objects }
    let header = text.prefix { !$0.isNewline }
    for separator: Character in [",", "\t"] {
      let columns = header.split(separator: separator).map { String($0) }
      if columns.count > 1, columns.contains(batched.name) {
        return .table(separator: separator.asciiValue!)
      }
    }
    return .names
  }

  /// - Throws: `Failure` of usage that names the line which is no row.
  func inputs() throws -> [BatchInput] {
    switch kind {
    case .names: return names.map { BatchInput(named: $0) }
    case .objects: return try objects()
    case .table(let separator): return try table(separator)
    }
  }

  private var names: [String] {
    if text.utf8.contains(0) {
      return text.utf8.split(separator: 0).map { literal(String(Substring($0))) }
    }
    return text.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let name = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      return name.isEmpty ? nil : literal(String(Substring(name)))
    }
  }

  /// In a list - is a file.
  private func literal(_ name: String) -> String { name == "-" ? "./-" : name }

  private func input(_ row: [String: [String]]) -> BatchInput {
    var row = row
    guard let path = row.removeValue(forKey: batched.name)?.first else { return BatchInput(row: row) }
    return BatchInput(named: literal(path), row: row)
  }

  private func check(column: String, line: Int) throws {
    guard !parameters.contains(where: { $0.name == column }) else { return }
    throw Failure.usage(
      "\(name), line \(line): \(quoted(column)) is no parameter that a row can set"
        + Suggestion.text(column, in: parameters.map(\.name)))
  }

  private func table(_ separator: UInt8) throws -> [BatchInput] {
    var lines = DelimitedText(text, separator: separator).records[...]
    guard let header = lines.popFirst() else { return [] }
    for column in header.fields { try check(column: column, line: header.line) }
    return try lines.map { record in
      guard record.fields.count == header.fields.count else {
        throw Failure.usage(
          "\(name), line \(record.line): there are \(record.fields.count) fields, and the header has \(header.fields.count)"
        )
      }
      var row: [String: [String]] = [:]
      for (column, field) in zip(header.fields, record.fields) where !field.isEmpty {
        row[column, default: []].append(field)
      }
      return input(row)
    }
  }

  private func objects() throws -> [BatchInput] {
    var inputs: [BatchInput] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    where line.contains(where: { !$0.isWhitespace }) {
      func failure(_ why: String) -> Failure { .usage("\(name), line \(index + 1): \(why)") }
      let value: JSONValue
      do { value = try JSONValue(String(line)) } catch { throw failure("it is no JSON: \(error)") }
      guard let members = value.object else {
        throw failure("it is no object, as in {\"\(batched.name)\": \"a.jpg\"}")
      }
      var row: [String: [String]] = [:]
      for member in members {
        try check(column: member.name, line: index + 1)
        guard let texts = Self.texts(member.value) else {
          throw failure("\(quoted(member.name)) is no text, number, truth or list of such")
        }
        if !texts.isEmpty { row[member.name] = texts }
      }
      inputs.append(input(row))
    }
    return inputs
  }

  private static func texts(_ value: JSONValue) -> [String]? {
    switch value {
    case .null: return []
    case .bool(let isOn): return [isOn ? "1" : "0"]
    case .number(let number): return [numberText(number)]
    case .string(let text): return [text]
    case .array(let values):
      let texts = values.map { Self.texts($0) }
      return texts.contains { $0?.count != 1 } ? nil : texts.map { $0![0] }
    case .object: return nil
    }
  }
}
