import Glibc
import Imaging

/// The files that a run writes: the model, its card and plot, the log and the state.
struct TrainingFiles {
  private let options: TrainingOptions

  /// - Precondition: the output is named.
  init(_ options: TrainingOptions) { self.options = options }

  /// Finds out before the first step what would go wrong after the last.
  /// - Throws: `Failure`
  func check() throws {
    let output = options.output!
    guard output.hasSuffix(".safetensors"), !options.modelName.isEmpty else {
      throw Failure.usage("--output \(quoted(output)): a model's name ends in .safetensors")
    }
    try Self.check([output, options.cardPath, options.plotPath, options.logPath, options.statePath])
  }

  /// Finds out whether files can be written, each beside the others.
  /// - Throws: `Failure`
  static func check(_ paths: [String]) throws {
    for path in paths {
      let folder = folder(of: path)
      guard fileExists(folder) else { throw Failure.failed("\(path): there is no folder \(folder)") }
      guard access(folder, W_OK | X_OK) == 0 else {
        let why = errno == EROFS ? "is on a read-only file system" : "cannot be written to"
        throw Failure.failed("\(path): the folder \(folder) \(why)")
      }
      var status = stat()
      if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        throw Failure.failed("\(path) is a folder; name another file")
      }
    }
    var names = Set<String>()
    for path in paths where !names.insert(real(path)).inserted {
      throw Failure.usage("two files of the run would both be \(path); name another with --state or --log")
    }
  }

  /// Refuses to write over the state of a run that has not come to its end, or over something else.
  /// - Throws: `Failure`
  func checkNoRunIsLost() throws {
    let path = options.statePath
    guard fileExists(path) else { return }
    guard let bytes = FileBytes.ofRegularFile(path),
      let position = try? bytes.withUnsafeBytes({ try TrainingPosition(state: $0, file: path) })
    else {
      throw Failure.failed("\(path) exists and is not a training state: name another file with --state")
    }
    if position.step < position.steps {
      throw Failure.failed(
        "\(path) is the state of a run that was interrupted after step \(position.step) of \(position.steps): "
          + "go on with it by --resume, or remove it")
    }
  }

  /// A path with what its folder really is.
  private static func real(_ path: String) -> String {
    guard let folder = realpath(folder(of: path), nil) else { return path }
    defer { free(folder) }
    return String(cString: folder) + "/" + fileName(of: path)
  }
}
