import Glibc
import Imaging
import RobustRuntime

/// The colours of an image as tasks read them, made once for many runs. Each maps them as its own: what it writes there is
/// seen by it alone, and what it does not touch takes no memory of its own.
final class SharedPixels: Sendable {
  /// For fewer bytes a copy costs less than a mapping's pages.
  static let leastBytes = 8 << 20

  private let descriptor: Int32
  private let bytes: Int

  /// - Returns: nil where the system has no memory for it to spare.
  /// - Throws: what reading the image's colours throws.
  init?(_ image: SourceImage) throws {
    bytes = image.width * image.height * 3 * MemoryLayout<Float>.stride
    guard bytes >= Self.leastBytes, AvailableMemory.allows(bytes), let memfd = Self.memfd else { return nil }
    descriptor = memfd("rtool-pixels", UInt32(1) /* closed in programs that are started */)
    guard descriptor >= 0 else { return nil }
    guard ftruncate(descriptor, off_t(bytes)) == 0,
      let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), memory != MAP_FAILED
    else { return nil }
    defer { munmap(memory, bytes) }
    try image.readRGB(into: memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride))
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// A run's own view of the pixels, interleaved.
  struct View: Sendable {
    fileprivate let address: UInt
    fileprivate let bytes: Int

    var pixels: UnsafeMutablePointer<Float> { UnsafeMutablePointer(bitPattern: address)! }

    func end() { munmap(pixels, bytes) }
  }

  /// - Returns: nil where no address space is left.
  func view() -> View? {
    guard let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0),
      memory != MAP_FAILED
    else { return nil }
    return View(address: UInt(bitPattern: memory), bytes: bytes)
  }

  /// The C library has this function, but its headers offer it to GNU sources alone, and Swift is none.
  private static let memfd = dlsym(nil, "memfd_create").map {
    unsafeBitCast($0, to: (@convention(c) (UnsafePointer<CChar>, UInt32) -> Int32).self)
  }
}
