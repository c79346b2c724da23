import CRTool
import Glibc
import Imaging

/// Watches a running task for `rtool check`: whether it changes the pixels that it was given to read, or prints to
/// standard output. Neither can be seen from outside.
struct Watch {
  static let isOn = Installation.environment("RTOOL_CHECK") != nil

  private let inputs: [(name: String, image: rtool_image, hash: Int)]

  init(_ run: Run) { inputs = run.inputs.map { ($0.name, $0.image, Self.hash($0.image)) } }

  /// Calls `body`, and throws what it did wrong.
  func during(_ body: () throws -> Int32) throws -> Int32 {
    let printed = try Printed()
    defer { printed.end() }
    let status = try body()
    if printed.end() {
      throw Failure.misuse(
        "it printed to standard output, which is for results; hand text over by emit_text, or log it")
    }
    for input in inputs where Self.hash(input.image) != input.hash {
      throw Failure.misuse(
        "it wrote into the pixels of \(input.name), which it was given to read; copy them first")
    }
    return status
  }

  private static func hash(_ image: rtool_image) -> Int {
    var hasher = Hasher()
    hasher.combine(
      bytes: UnsafeRawBufferPointer(
        start: image.data, count: Int(image.height) * Int(image.stride) * MemoryLayout<Float>.stride))
    return hasher.finalize()
  }
}

/// Standard output led to a file for a while.
private final class Printed {
  private let output: Int32
  private let file: UnsafeMutablePointer<FILE>
  private var isOpen = true
  private var hasText = false

  init() throws {
    fflush(nil)
    guard let file = tmpfile() else { throw Failure.failed("a temporary file cannot be made") }
    self.file = file
    output = dup(STDOUT_FILENO)
    dup2(fileno(file), STDOUT_FILENO)
  }

  /// Leads it back. Whether anything was printed.
  @discardableResult func end() -> Bool {
    guard isOpen else { return hasText }
    isOpen = false
    fflush(nil)
    hasText = lseek(STDOUT_FILENO, 0, SEEK_END) > 0
    dup2(output, STDOUT_FILENO)
    close(output)
    fclose(file)
    return hasText
  }
}
