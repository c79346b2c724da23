import Glibc

/// Files beside an ONNX file that hold weights. Nothing outside of its folder is opened.
final class ExternalData {
  private let file: String
  /// Nil: the file's folder is not known, so there is nothing beside it.
  private let folder: String?
  private var mapped: [String: LastingBytes] = [:]

  init(file: String, folder: String?) { (self.file, self.folder) = (file, folder) }

  /// The part of a file that a tensor's external data name.
  /// - Throws: `CheckpointError`
  func bytes(
    of facts: [String: String], tensor: String, count: Int
  ) throws -> (bytes: UnsafeRawBufferPointer, owner: LastingBytes) {
    func refuse(_ problem: String) -> CheckpointError {
      CheckpointError(file: file, problem: "the weights \(tensor.quoted) \(problem)")
    }
    func number(_ key: String) throws -> Int? {
      guard let text = facts[key] else { return nil }
      guard let number = Int(text), number >= 0 else {
        throw refuse("have the \(key) \(text.quoted) in another file")
      }
      return number
    }
    guard let location = facts["location"], !location.isEmpty else {
      throw refuse("lie in another file that is not named")
    }
    guard let folder else {
      throw refuse("lie in \(location.quoted), which is not there for a model in memory")
    }
    let owner = try map(location, in: folder, refuse)
    let offset = try number("offset") ?? 0
    guard offset <= owner.bytes.count else {
      throw refuse("begin at byte \(offset) of \(location.quoted), which has \(owner.bytes.count)")
    }
    let length = try number("length") ?? count
    guard length == count else { throw refuse("have \(length) bytes, but their shape takes \(count)") }
    guard length <= owner.bytes.count - offset else {
      throw refuse("end beyond \(location.quoted), which has \(owner.bytes.count) bytes")
    }
    return (UnsafeRawBufferPointer(rebasing: owner.bytes[offset..<offset + length]), owner)
  }

  private func map(
    _ location: String, in folder: String, _ refuse: (String) -> CheckpointError
  ) throws -> LastingBytes {
    if let known = mapped[location] { return known }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard location.utf8.count < 4096, !location.utf8.contains(0), !location.hasPrefix("/"),
      !parts.contains("..")
    else { throw refuse("lie in \(location.quoted), which is not within the folder of the model") }
    // What links lead to must be within the folder as well.
    let base = try resolved(folder.isEmpty ? "." : folder)
    let path = try resolved("\(base)/\(location)")
    guard path.hasPrefix(base.hasSuffix("/") ? base : base + "/") else {
      throw refuse("lie in \(location.quoted), which links to outside of the folder of the model")
    }
    let bytes = try CheckpointFile.map(path)
    mapped[location] = bytes
    return bytes
  }

  private func resolved(_ path: String) throws -> String {
    guard let resolved = realpath(path, nil) else {
      throw CheckpointError(
        file: file, problem: "weights lie in \(path.quoted): \(String(cString: strerror(errno)))")
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
