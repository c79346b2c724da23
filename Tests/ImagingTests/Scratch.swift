import Glibc
import Imaging

/// A folder of a test's own, removed with all that is in it when the test ends.
final class Scratch {
  let path: String

  init() throws {
    var template = Array("/tmp/imaging-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SetupError("mkdtemp") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { remove(folder: path) }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let path = file(name)
    guard let stream = fopen(path, "wb") else { throw SetupError("fopen \(path)") }
    defer { fclose(stream) }
    guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else { throw SetupError("fwrite \(path)") }
    return path
  }

  /// The names in the folder, sorted.
  var names: [String] { entries(of: path) }
}

struct SetupError: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

func contents(_ path: String) throws -> [UInt8] {
  guard let stream = fopen(path, "rb") else { throw SetupError("fopen \(path)") }
  defer { fclose(stream) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = fread(&buffer, 1, buffer.count, stream)
    if count == 0 { return bytes }
    bytes += buffer[..<count]
  }
}

func entries(of folder: String) -> [String] {
  guard let stream = opendir(folder) else { return [] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

private func remove(folder: String) {
  for name in entries(of: folder) {
    let path = folder + "/" + name
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      chmod(path, 0o700)
      remove(folder: path)
    } else {
      unlink(path)
    }
  }
  rmdir(folder)
}
