import Glibc

/// Why the system's dynamic loader did not load a library.
package struct LoaderError {
  package let text: String

  /// Takes the text of the last failure.
  package init() { text = dlerror().map { String(cString: $0) } ?? "unknown reason" }

  package init(_ text: String) { self.text = text }

  /// Whether there was no memory to map it to. Where mapping fails for another reason, that is told behind.
  package var lacksMemory: Bool {
    text.contains("annot allocate memory")
      || text.contains("failed to map segment") && !text.contains("not permitted") && !text.contains("denied")
  }

  /// Whether the library itself, or one that it needs, is not there.
  package var isMissing: Bool { text.contains("No such file") }
}
