import Datasets
import Glibc
import Imaging
import Testing

/// A folder of a test's own, removed with all that is in it when the test ends.
final class Scratch {
  let path: String

  init() throws {
    var template = Array("/tmp/dataset-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SetupError("mkdtemp") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { Self.remove(path) }

  func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file, and makes the folders that it is to lie in.
  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let path = file(name)
    try folder(name.split(separator: "/").dropLast().joined(separator: "/"))
    guard let stream = fopen(path, "wb") else { throw SetupError("fopen \(path)") }
    defer { fclose(stream) }
    guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else { throw SetupError("fwrite \(path)") }
    return path
  }

  @discardableResult
  func folder(_ name: String) throws -> String {
    var path = self.path
    for part in name.split(separator: "/") {
      path += "/" + part
      guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw SetupError("mkdir \(path)") }
    }
    return path
  }

  func names(in folder: String) -> [String] { Self.names(file(folder)) }

  func read(_ name: String) throws -> [UInt8] {
    guard let stream = fopen(file(name), "rb") else { throw SetupError("fopen \(name)") }
    defer { fclose(stream) }
    fseek(stream, 0, SEEK_END)
    let count = ftell(stream)
    rewind(stream)
    var bytes = [UInt8](repeating: 0, count: count)
    guard fread(&bytes, 1, count, stream) == count else { throw SetupError("fread \(name)") }
    return bytes
  }

  private static func names(_ folder: String) -> [String] {
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

  private static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    for name in names(path) { remove(path + "/" + name) }
    rmdir(path)
  }
}

struct SetupError: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

/// A photo with smooth and sharp parts, other ones for each seed.
func pixels(_ seed: Int, _ width: Int = 40, _ height: Int = 30, channels: Int = 3) -> FloatImage {
  var image = FloatImage(width: width, height: height, channels: channels)
  for y in 0..<height {
    for x in 0..<width {
      for c in 0..<channels {
        let u = Float(x) / Float(width) * Float(3 + seed % 5) + Float(seed + c)
        let v = Float(y) / Float(height) * Float(2 + seed % 7) - Float(seed)
        let isLight = (x * 8 / width + y * 8 / height + seed) % 2 == 0
        let value: Float = 0.5 + 0.4 * sin(u) * cos(v) + (isLight ? 0.1 : -0.1)
        image[x, y, c] = min(max(value, 0), 1)
      }
    }
  }
  return image
}

/// The file of such a photo.
func photo(_ seed: Int, _ width: Int = 40, _ height: Int = 30, as format: Format = .png) throws -> [UInt8] {
  try ResultImage.fresh(pixels(seed, width, height)).encoded(as: format).bytes
}

/// CLASS/NAME and bytes of some photos of three classes.
func samples() throws -> [(name: String, bytes: [UInt8])] {
  var files: [(name: String, bytes: [UInt8])] = []
  for (c, className) in ["ant", "bee", "cat"].enumerated() {
    for i in 0..<4 { files.append(("\(className)/\(i).png", try photo(10 * c + i))) }
  }
  return files
}

/// The bytes of a tar archive, of files and, where bytes are nil, folders.
func tar(_ members: [(name: String, bytes: [UInt8]?)]) -> [UInt8] {
  var out: [UInt8] = []
  for (name, bytes) in members {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ at: Int) { header.replaceSubrange(at..<at + text.utf8.count, with: text.utf8) }
    func octal(_ number: Int, _ digits: Int) -> String {
      let text = String(number, radix: 8)
      return String(repeating: "0", count: digits - text.count) + text
    }
    put(name, 0)
    put("0000644", 100)
    put("0000000", 108)
    put("0000000", 116)
    put(octal(bytes?.count ?? 0, 11), 124)
    put("00000000000", 136)
    put("        ", 148)
    put(bytes == nil ? "5" : "0", 156)
    put("ustar", 257)
    put("00", 263)
    put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0", 148)
    out += header + (bytes ?? [])
    out += [UInt8](repeating: 0, count: (512 - out.count % 512) % 512)
  }
  return out + [UInt8](repeating: 0, count: 1024)
}

/// As a gzip file, in blocks that are not compressed.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
  var out: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
  var crc: UInt32 = .max
  for byte in bytes {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }
  var rest = bytes[...]
  repeat {
    let block = rest.prefix(65535)
    rest = rest.dropFirst(65535)
    let count = UInt16(block.count)
    out.append(rest.isEmpty ? 1 : 0)
    for number in [count, ~count] { out += [UInt8(number & 255), UInt8(number >> 8)] }
    out += block
  } while !rest.isEmpty
  for number in [~crc, UInt32(bytes.count)] { out += (0..<4).map { UInt8(number >> (8 * $0) & 255) } }
  return out
}

/// All that is in a set.
func contents(of set: PhotoSet) -> [String] {
  (0..<set.count).map { i in
    set.withPhoto(i) { photo in
      var sum = 0
      for k in 0..<3 * photo.width * photo.height { sum = (sum &* 31 &+ Int(photo.pixels[k])) % 1_000_003 }
      return "\(set.name(i)) \(set.classes[set.label(i)]) \(photo.width)x\(photo.height) \(sum)"
    }
  }
}

func isOneLine(_ error: DatasetError?) -> Bool { error.map { !$0.description.contains("\n") } ?? false }
