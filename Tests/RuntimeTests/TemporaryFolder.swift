import Glibc
import RobustRuntime

/// A folder of one test, which goes with it.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/rtool-tests-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw RuntimeError.invalid("no temporary folder") }
    path = String(cString: made)
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        unlink(path + "/" + name)
      }
      closedir(directory)
    }
    rmdir(path)
  }

  /// - Returns: the path of the file.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let path = path + "/" + name
    guard let file = fopen(path, "w") else { throw RuntimeError.invalid("cannot write \(path)") }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
      throw RuntimeError.invalid("cannot write \(path)")
    }
    return path
  }
}
