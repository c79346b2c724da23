import Foundation

/// The documents of a state folder: each is a folder with its files and a document.json, which is replaced as a whole.
actor DocumentStore {
  private let folder: String
  /// Held as long as this process lives: two would write over each other's history.
  private let lock: Int32
  private var documents: [String: Document] = [:]

  /// Reads what is there. What cannot be understood is left alone.
  /// - Throws: `StudioError` where the folder cannot be made.
  init(state: String) throws {
    folder = state + "/documents"
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw StudioError(.failed, "\(folder) cannot be made; name another folder with --state")
    }
    lock = open(state + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else {
      let reason = String(cString: strerror(errno))
      throw StudioError(.failed, "\(state) cannot be written to: \(reason); name another folder with --state")
    }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      throw StudioError(
        .failed,
        "another studio keeps its history in \(state); use its page, or name another folder with --state")
    }
    for id in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where Self.isID(id) {
      guard let data = FileManager.default.contents(atPath: "\(folder)/\(id)/document.json"),
        let document = try? JSONDecoder().decode(Document.self, from: data), document.id == id
      else { continue }
      documents[id] = document
    }
  }

  /// Newest first.
  var all: [Document] { documents.values.sorted { ($0.changed, $0.id) > ($1.changed, $1.id) } }

  func document(_ id: String) throws -> Document {
    guard let document = documents[id] else { throw StudioError(.notFound, "there is no such document") }
    return document
  }

  nonisolated func folder(of id: String) -> String { "\(folder)/\(id)" }

  func make(named name: String) throws -> Document {
    let id = (0..<12).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
    do {
      try FileManager.default.createDirectory(
        atPath: folder(of: id), withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    } catch {
      throw Self.failure(error, writing: folder(of: id))
    }
    let document = Document(id: id, name: name)
    try keep(document)
    return document
  }

  /// Changes a document, on disk first, so that nothing is shown that would be lost.
  @discardableResult
  func change<Result: Sendable>(_ id: String, _ body: @Sendable (inout Document) throws -> Result) throws
    -> Result
  {
    var document = try document(id)
    let result = try body(&document)
    try keep(document)
    return result
  }

  func remove(_ id: String) throws {
    _ = try document(id)
    documents[id] = nil
    try? FileManager.default.removeItem(atPath: folder(of: id))
  }

  /// Writes a file of a document, and names it: `stem.ending`, or with a number where there is one already.
  func write(_ data: Data, to id: String, named name: String) throws -> String {
    let name = try free(SafeName(name).text, in: id)
    do {
      try data.write(to: URL(fileURLWithPath: "\(folder(of: id))/\(name)"), options: .atomic)
    } catch {
      throw Self.failure(error, writing: name)
    }
    return name
  }

  /// The path of a document's file that is there.
  func path(of name: String, in id: String) throws -> String {
    _ = try document(id)
    let path = "\(folder(of: id))/\(name)"
    guard SafeName(name).text == name, name != Self.record, FileManager.default.fileExists(atPath: path)
    else {
      throw StudioError(.notFound, "the document has no file \(name.prefix(80))")
    }
    return path
  }

  /// A name that no file has yet.
  func newName(_ stem: String, _ ending: String, in id: String) throws -> String {
    try free("\(stem).\(ending)", in: id)
  }

  private static let record = "document.json"

  private func free(_ name: String, in id: String) throws -> String {
    _ = try document(id)
    return SafeName.free(name) {
      $0 == Self.record || FileManager.default.fileExists(atPath: "\(folder(of: id))/\($0)")
    }
  }

  private func keep(_ document: Document) throws {
    var document = document
    document.changed = Date().timeIntervalSince1970
    do {
      let data = try JSONEncoder().encode(document)
      try data.write(
        to: URL(fileURLWithPath: "\(folder(of: document.id))/\(Self.record)"), options: .atomic)
    } catch {
      throw Self.failure(error, writing: Self.record)
    }
    documents[document.id] = document
  }

  private static func isID(_ text: String) -> Bool {
    text.count == 12 && text.allSatisfy { $0.isHexDigit && $0.isASCII }
  }

  private static func failure(_ error: any Error, writing name: String) -> StudioError {
    let isFull = (error as? CocoaError)?.code == .fileWriteOutOfSpace
    return StudioError(
      isFull ? .diskFull : .failed,
      isFull
        ? "\(name) cannot be written: the disk is full; nothing that was there is lost"
        : "\(name) cannot be written")
  }
}
