import Imaging
import RobustRuntime

/// Memory that a job is going to take, reckoned from its pictures' headers. The pictures as they are decoded, the result and
/// its file come to what they are in the file; for floats half as much again as `MemoryNeed` says at least.
enum JobMemory {
  /// - Throws: where a picture cannot be read.
  static func need(of job: TaskJob, in session: TaskSession) throws -> Int {
    let values = try job.values(in: session)
    var stored = 0
    let pixels = try zip(session.plugin.parameters, values).map { parameter, value -> [Int] in
      guard [.image, .mask].contains(parameter.kind), !parameter.flags.contains(.onDemand) else { return [] }
      return try value.texts.map { path in
        let header = try PictureHeader(of: .file(path), limits: job.settings.limits)
        stored += 3 * header.width * header.height * header.bytesPerPixel
        return header.width * header.height
      }
    }
    let floats = try MemoryNeed(of: session.plugin, pixels: pixels, model: session.classifier).bytes
    return stored + floats + floats / 2
  }
}
