import Glibc
import Imaging
import RobustRuntime

/// Memory that a job is going to take, reckoned from its pictures' headers. The pictures as they are decoded, the result and
/// its file come to what they are in the file; for floats half as much again as `MemoryNeed` says at least. What the network
/// and windows of the picture take hardly depends on the picture.
enum JobMemory {
  private static let allowance = 128 << 20

  /// - Parameter values: of all parameters of the task.
  /// - Throws: where a picture cannot be read.
  static func need(of values: [TypedValue], limits: Limits, in session: TaskSession) throws -> Int {
    var stored = 0
    let pixels = try zip(session.plugin.parameters, values).map { parameter, value -> [Int] in
      guard [.image, .mask].contains(parameter.kind), !parameter.flags.contains(.onDemand) else { return [] }
      // A pipe can be read once.
      return try value.texts.filter(isRegularFile).map { path in
        let header = try PictureHeader(of: .file(path), limits: limits)
        stored += 3 * header.width * header.height * header.bytesPerPixel
        return header.width * header.height
      }
    }
    let floats = try MemoryNeed(of: session.plugin, pixels: pixels, model: session.classifier).bytes
    return allowance + stored + floats + floats / 2
  }

  private static func isRegularFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }
}
