import Glibc
import Imaging

/// `rtool replay IMAGE`: makes an image again from what is recorded in it, and tells whether it is the same.
enum ReplayCommand {
  private static let image = Option<String>.argument("image", kind: .image, "an image that rtool made, or -")
  private static let inputs = Option<String?>.text(
    "inputs", value: "FOLDER",
    "where to look first for the files it was made from, then beside it and in the current folder")
  private static let check = Option<Bool>.flag("check", "write nothing, and fail if the bytes differ")

  static let parameters = [
    image.parameter, HostOption.output.parameter, inputs.parameter, check.parameter,
    ListCommands.help.parameter,
  ]

  static func run(_ values: OptionValues) throws {
    let name = values[image]
    let wanted = values[HostOption.output]
    let isChecked = values[check]
    if isChecked, wanted != nil {
      throw Failure.usage("--check writes nothing, so it cannot be given with --output")
    }
    guard let bytes = name == "-" ? FileBytes.ofStandardInput() : FileBytes.ofRegularFile(name) else {
      throw Failure.failed("\(name): it cannot be read: \(String(cString: strerror(errno)))")
    }
    let title = name == "-" ? "standard input" : name
    let image = try SourceImage.open(.bytes(bytes, name: title))
    guard let provenance = image.provenance.flatMap(Provenance.init(json:)), !provenance.steps.isEmpty else {
      throw Failure.failed("\(title): nothing in it says that rtool made it")
    }
    let output = isChecked ? nil : try place(wanted, name: name, format: image.format)
    func write(_ bytes: [UInt8]) throws {
      if isChecked { return }
      if let output { return try output.write(bytes) }
      let (base, ending) = besides(name, format: image.format)
      _ = try Destination.writeNew(base, ending: ending) { try $0.write(bytes) }
    }
    let folders = [values[inputs], name == "-" ? nil : folder(of: name), "."].compactMap { $0 }
    let replay = try Replay(provenance, inputs: RecordedInputs(folders: folders)) {
      Terminal.warn("\(title): \($0)")
    }
    ProgressBar.shared.begin("replay")
    let remade = try replay.run()
    ProgressBar.shared.end()
    if remade == bytes {
      try write(remade)
      return Terminal.say("rtool replay: same bytes as \(title)")
    }
    let difference = try difference(
      of: SourceImage.open(.bytes(remade, name: "the replayed image")), from: image)
    if isChecked { throw Failure.failed("\(title) differs: \(difference)") }
    try write(remade)
    Terminal.say("rtool replay: differs: \(difference)")
  }

  /// nil: a new file in the current folder.
  private static func place(_ output: String?, name: String, format: Format) throws -> Output? {
    if let output, output != "-" {
      if let named = Format(path: output), named != format {
        throw Failure.usage(
          "\(output) would be a \(format.title) file, as \(name) is; give it the ending .\(format.extensions[0])"
        )
      }
      return .file(output)
    }
    if output == "-" || Destination.outputIsRead {
      guard !Terminal.outputIsTerminal else {
        throw Failure.usage("an image is not written to a terminal; name a file with -o, or pipe it on")
      }
      return .standardOutput
    }
    return nil
  }

  /// The name of a new file, and its ending.
  private static func besides(_ name: String, format: Format) -> (base: String, ending: String) {
    let file = name == "-" ? "stdin" : fileName(of: name)
    let dot = file.lastIndex(of: ".") ?? file.endIndex
    return (
      "\(file[..<dot])-replay", dot == file.endIndex ? ".\(format.extensions[0])" : String(file[dot...])
    )
  }

  private static func difference(of remade: SourceImage, from image: SourceImage) throws -> String {
    if (remade.width, remade.height) != (image.width, image.height) {
      return "\(remade.width)x\(remade.height) pixels instead of \(image.width)x\(image.height)"
    }
    let (a, b) = try (remade.rgb().pixels, image.rgb().pixels)
    let (alphaA, alphaB) = try (remade.alpha()?.pixels, image.alpha()?.pixels)
    var count = 0
    for pixel in 0..<remade.width * remade.height
    where a[3 * pixel..<3 * pixel + 3] != b[3 * pixel..<3 * pixel + 3] || alphaA?[pixel] != alphaB?[pixel] {
      count += 1
    }
    return count == 0
      ? "only in the metadata, the pixels are the same"
      : "\(count) of \(remade.width * remade.height) pixels"
  }
}
