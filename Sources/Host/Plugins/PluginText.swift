import Glibc

/// Texts that plugins hand over: no longer than is of use, whatever is handed over.
extension String {
  /// At most so many bytes of the text, with "..." for what is left out.
  init(of pointer: UnsafePointer<CChar>, upTo limit: Int = 1000) {
    let length = strnlen(pointer, limit + 1)
    let bytes = UnsafeRawBufferPointer(start: pointer, count: Swift.min(length, limit))
    self = String(decoding: bytes, as: UTF8.self) + (length > limit ? "..." : "")
  }

  /// One line that cannot command a terminal.
  init(lineOf pointer: UnsafePointer<CChar>, upTo limit: Int = 1000) {
    self = Terminal.printable(String(of: pointer, upTo: limit))
  }
}
