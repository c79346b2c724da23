import CRTool
import Imaging

/// The functions of the host table by which a task hands over what it made.
extension Run {
  func addResults(to host: inout rtool_host) {
    host.emit = { host, result in
      let run = Run.of(host)
      return run.statusOnRunThread { try run.emit(result) }
    }
    host.emit_text = { host, text in
      let run = Run.of(host)
      return run.statusOnRunThread {
        guard let text else { throw Failure.misuse("no text was handed over") }
        run.emit(text: String(cString: text))
      }
    }
    host.emit_part = { host, text in
      let run = Run.of(host)
      return run.statusOnRunThread {
        guard let text else { throw Failure.misuse("no text was handed over") }
        try run.emit(part: String(cString: text))
      }
    }
    host.expect = { host, expectation in
      let run = Run.of(host)
      return run.statusOnRunThread { try run.checkExpected(run.expectation(expectation)) }
    }
    host.show = { host, step, loss, image in
      let run = Run.of(host)
      _ = run.statusOnRunThread {
        guard let image, image.pointee.isWellFormed, image.pointee.channels == 3 else {
          throw Failure.misuse("a step that is to be shown needs an image of 3 channels")
        }
        run.noteStep(Int(step), loss: loss, probability: nil, at: nil) { image.pointee.floatImage() }
      }
    }
    host.is_watched = { host in Run.of(host).liveView?.isSeen == true ? 1 : 0 }
    host.show_at = { host, image, x, y, width, height in
      let run = Run.of(host)
      _ = run.statusOnRunThread {
        guard let image, image.pointee.isWellFormed, image.pointee.channels == 3 else {
          throw Failure.misuse("a picture that is to be shown needs 3 channels")
        }
        guard let place = try Iterate.Place(x: x, y: y, width: width, height: height) else {
          throw Failure.misuse("a picture that is to be shown at a place needs one")
        }
        run.liveView?.picture(at: place) { image.pointee.floatImage() }
      }
    }
    host.emit_json = { host, text in
      let run = Run.of(host)
      return run.statusOnRunThread {
        guard let text, let json = try Report.checked(String(cString: text), task: run.task) else {
          throw Failure.misuse("no JSON was handed over")
        }
        run.emit(json: json)
      }
    }
    host.json_text = { host, text in
      let run = Run.of(host)
      var json: UnsafePointer<CChar>?
      _ = run.status { json = try run.copy(encodedJSON(text.map { String(cString: $0) } ?? "")) }
      return json
    }
  }

  private func expectation(_ pointer: UnsafePointer<rtool_expectation>?) throws -> Expectation {
    guard let told = Growth.read(pointer, into: rtool_expectation(), atLeast: Growth.expectation) else {
      throw Failure.misuse("an expectation needs its size filled in")
    }
    let over = try told.over.map { image in
      guard let source = sources[image.pointee.data] else {
        throw Failure.misuse("a result can only be laid over an image that was given as a value")
      }
      return source
    }
    let width = told.width > 0 ? Int(told.width) : over?.width ?? 0
    let height = told.height > 0 ? Int(told.height) : over?.height ?? 0
    guard width > 0, height > 0, told.seconds.isFinite else {
      throw Failure.misuse("a result of \(width)x\(height) pixels in \(told.seconds) s cannot be expected")
    }
    return Expectation(
      over: over, width: width, height: height, memory: Int(clamping: told.memory), seconds: told.seconds)
  }

  /// The user's image in the size that a result is to have.
  private func sized(_ source: SourceImage, as result: rtool_result) throws -> SourceImage {
    let (width, height) = (Int(result.width), Int(result.height))
    if width == 0 && height == 0 { return source }
    try Self.checkSize(width, height)
    try checkMemory(for: width * height * 4)
    return try source.resized(width: width, height: height)
  }

  private func newName(_ name: String, isFrame: Bool) throws -> String {
    guard CommandParameter.isName(name) else {
      throw Failure.misuse("a result is named \(quoted(name)), which is not lower-case letters, digits and -")
    }
    guard !isFrame else { throw Failure.misuse("the frame \(quoted(name)) has a name, and frames have none") }
    guard !emitted.contains(where: { $0.name == name }) else {
      throw Failure.misuse("two results of one run are named \(quoted(name))")
    }
    return name
  }

  private func emit(_ pointer: UnsafePointer<rtool_result>?) throws {
    guard let result = Growth.read(pointer, into: rtool_result(), atLeast: Growth.result),
      result.piece_count <= 1 << 20, result.piece_count == 0 || result.pieces != nil
    else { throw Failure.misuse("a result needs its size filled in") }
    guard result.frame_duration >= 0 else {
      throw Failure.misuse("a frame is shown for \(result.frame_duration) milliseconds")
    }
    let name = try result.name.map { try newName(String(of: $0), isFrame: result.frame_duration > 0) }
    let patches = try (0..<Int(result.piece_count)).map { index in
      let piece = result.pieces[index]
      let image = try checked(piece.image)
      guard image.channels != 2 else { throw Failure.misuse("a piece of a result has 2 channels") }
      guard image.view.isFinite else { throw Failure.misuse("the task made pixels that are no numbers") }
      return Patch(x: Int(piece.x), y: Int(piece.y), lent: image.view)
    }
    var source: SourceImage?
    let image: ResultImage
    if let over = result.over {
      source = sources[over.pointee.data]
      guard let source else {
        throw Failure.misuse("a result can only be laid over an image that was given as a value")
      }
      image = try sized(source, as: result).patched(with: patches)
    } else {
      guard patches.count == 1 else {
        throw Failure.misuse("a result that lies over nothing is one piece")
      }
      guard [0, 8, 16].contains(result.bit_depth) else {
        throw Failure.misuse("a result needs \(result.bit_depth) bits of each channel; 8 and 16 are known")
      }
      image = try ResultImage.fresh(
        checked(result.pieces[0].image).floatImage(),
        bitDepth: bitDepth ?? max(8, min(Int(result.bit_depth), keptBits)))
    }
    emit(
      Emission(
        result: image, source: source, name: name, caption: result.caption.map { String(of: $0) },
        frameDuration: Int(result.frame_duration)))
  }
}
