import CRTool
import Imaging
import RobustRuntime

/// The table of functions that a plugin is handed. Each finds its run in `state`; what is thrown here becomes a
/// status, and its text the run's failure.
extension Run {
  /// Calls `body` with the table of this run.
  func withHost<Result>(_ body: (UnsafePointer<rtool_host>) throws -> Result) throws -> Result {
    var model = try self.model()
    return try withExtendedLifetime(self) {
      try withUnsafePointer(to: &model) { model in
        var host = table
        host.state = Unmanaged.passUnretained(self).toOpaque()
        host.model = model
        return try body(&host)
      }
    }
  }

  private func model() throws -> rtool_model {
    let facts = classifier.facts
    var model = rtool_model()
    model.struct_size = UInt32(MemoryLayout<rtool_model>.size)
    model.layer_size = UInt32(MemoryLayout<rtool_layer>.stride)
    model.name = try copy(facts.name)
    model.classes = UnsafePointer(try copy(facts.classes.map { try copy($0) as UnsafePointer<CChar>? }))
    model.class_count = Int32(facts.classes.count)
    model.layers = UnsafePointer(
      try copy(
        facts.layers.map {
          rtool_layer(
            name: try copy($0.name), channels: Int32($0.channels), reduction: Int32($0.reduction))
        }))
    model.layer_count = Int32(facts.layers.count)
    model.side = Int32(facts.side)
    model.smallest = Int32(facts.smallest)
    model.eps = facts.eps
    model.has_seeds = facts.hasSeeds ? 1 : 0
    return model
  }

  private var table: rtool_host {
    var host = rtool_host()
    host.struct_size = UInt32(MemoryLayout<rtool_host>.size)
    host.abi = Plugin.abi
    host.version = UnsafePointer(try? copy(Installation.version))
    host.seed = seed
    host.threads = Int32(threads)
    host.json = wantsJSON ? 1 : 0
    host.fail = { host, status, text in
      let text = text.map { String(cString: $0) } ?? "the task failed without saying why"
      Run.of(host).fail(Int(status) == RTOOL_USAGE ? .usage(text) : .failed(text))
      return status == Int32(RTOOL_OK) ? Int32(RTOOL_FAILED) : status
    }
    host.log = { host, level, text in Run.of(host).log(level, text.map { String(cString: $0) } ?? "") }
    host.progress = { host, fraction, note in
      Run.of(host).report(fraction, note.map { String(cString: $0) }) ? 1 : 0
    }
    host.record = { host, key, text in
      guard let key, let text else { return }
      let (run, fact) = (Run.of(host), String(cString: text))
      run.record(String(cString: key), fact)
      run.log(Int32(RTOOL_LOG_DETAIL), "\(String(cString: key)): \(fact)")
    }
    host.alloc = { host, bytes in
      let run = Run.of(host)
      let memory = run.allocate(Int(clamping: bytes))
      if memory == nil { run.fail(.failed("out of memory")) }
      return memory
    }
    host.random = { host, distribution, stream, count, out in
      guard let out else { return }
      let numbers = UnsafeMutableBufferPointer(start: out, count: count)
      let generator = Philox(seed: Run.of(host).seed, stream: stream)
      let isNormal = Int(distribution) == RTOOL_RANDOM_NORMAL
      _ = numbers.update(
        fromContentsOf: isNormal ? generator.normal(count: count) : generator.uniform(count: count))
    }
    addImages(to: &host)
    addClassifier(to: &host)
    host.emit = { host, result in
      let run = Run.of(host)
      return run.status { try run.emit(result) }
    }
    host.emit_text = { host, text in
      let run = Run.of(host)
      return run.status {
        guard let text else { throw Failure.misuse("no text was handed over") }
        run.emit(text: String(cString: text))
      }
    }
    return host
  }

  private func addImages(to host: inout rtool_host) {
    host.image_new = { host, width, height, channels in
      let run = Run.of(host)
      return run.image { try run.newImage(width: Int(width), height: Int(height), channels: Int(channels)) }
    }
    host.image_resize = { host, image, width, height, filter in
      let run = Run.of(host)
      return run.image {
        let filters: [Kernel] = [.linear, .cubic, .lanczos, .box, .nearest]
        guard filters.indices.contains(Int(filter)), (1...Run.largestSide).contains(Int(width)),
          (1...Run.largestSide).contains(Int(height))
        else { throw Failure.misuse("an image cannot be resized to \(width)x\(height) by filter \(filter)") }
        try run.checkMemory(for: Int(width) * Int(height) * Int(run.checked(image).channels))
        let resized = try run.newImage(
          run.checked(image).floatImage().resized(
            width: Int(width), height: Int(height), kernel: filters[Int(filter)]))
        resized.pointee.clamp()
        return resized
      }
    }
    host.image_crop = { host, image, x, y, width, height in
      let run = Run.of(host)
      return run.image {
        let source = try run.checked(image)
        let crop = try run.newImage(width: Int(width), height: Int(height), channels: Int(source.channels))
        crop.pointee.copy(from: source, x: Int(x), y: Int(y))
        return crop
      }
    }
    host.blur = { host, image, sigma in
      let run = Run.of(host)
      return run.image {
        guard sigma.isFinite, sigma >= 0, sigma < 1e5 else {
          throw Failure.misuse("an image cannot be blurred by \(sigma)")
        }
        return try run.newImage(run.checked(image).floatImage().blurred(sigma: sigma))
      }
    }
    host.image_composite = { host, base, over, mask, x, y in
      let run = Run.of(host)
      return run.status {
        let (base, over) = (try run.checked(base), try run.checked(over))
        let mask = try mask.map { try run.checked($0) }
        guard base.channels == over.channels,
          mask.map({ $0.channels == 1 && $0.width == over.width && $0.height == over.height }) ?? true
        else { throw Failure.misuse("images that are composited must match in channels and mask") }
        base.composite(over, mask: mask, x: Int(x), y: Int(y))
      }
    }
  }

  private func addClassifier(to host: inout rtool_host) {
    host.logits = { host, images, count, out in
      let run = Run.of(host)
      return run.status {
        guard let images, let out, count > 0 else {
          throw Failure.misuse("logits of no image were asked for")
        }
        let logits = try run.classifier.logits(ImageBatch(images, count: Int(count), role: "images"))
        out.update(from: logits, count: logits.count)
      }
    }
    host.features = { host, image, layer, out in
      let run = Run.of(host)
      return run.status {
        guard let image, let out else { throw Failure.misuse("features of no image were asked for") }
        let features = try run.classifier.features(
          ImageBatch(image, count: 1, role: "images"), layer: layer.map { String(cString: $0) })
        out.pointee = rtool_tensor(
          channels: Int32(features.channels), height: Int32(features.height), width: Int32(features.width),
          data: try run.copy(features.values))
      }
    }
    host.gradient = { host, objective, images, count, losses, gradients in
      let run = Run.of(host)
      return run.status {
        guard let images, count > 0 else { throw Failure.misuse("the gradient of no image was asked for") }
        let batch = try ImageBatch(images, count: Int(count), role: "images")
        let result = try run.classifier.evaluate(
          run.objective(objective), at: batch, gradient: gradients != nil)
        losses?.update(from: result.losses, count: result.losses.count)
        guard let gradients, let gradient = result.gradient else { return }
        for index in 0..<batch.count {
          let image = gradients[index]
          guard image.isWellFormed, image.channels == 3, image.width == batch.width,
            image.height == batch.height
          else { throw Failure.misuse("gradients need images of the size of what they are the gradient of") }
          gradient.interleave(index, into: image)
        }
      }
    }
    host.ascend = { host, objective, ascent, outcome in
      let run = Run.of(host)
      var status = Int32(RTOOL_OK)
      let outer = run.status { status = try run.ascend(objective, ascent, outcome) }
      return outer == Int32(RTOOL_OK) ? status : outer
    }
    host.class_weights = { host, index, out in
      let run = Run.of(host)
      return run.status {
        guard let out, let weights = run.classifier.classWeights(Int(index)) else {
          throw Failure.misuse("weights of the unknown class \(index) were asked for")
        }
        out.update(from: weights, count: weights.count)
      }
    }
    host.class_seed = { host, index, stream, width, height in
      let run = Run.of(host)
      return run.image {
        try run.checkMemory(for: 3 * max(1, Int(width)) * max(1, Int(height)))
        guard let sample = run.classifier.seed(ofClass: Int(index), seed: run.seed, stream: stream) else {
          throw Failure.failed("the model has no seed distribution for class \(index)")
        }
        let planar = ImageBatch(count: 1, height: sample.side, width: sample.side, pixels: sample.pixels)
        let small = try run.newImages(planar).pointee
        let seed = try run.newImage(
          small.floatImage().resized(width: Int(width), height: Int(height), kernel: .cubic))
        seed.pointee.clamp()
        return seed
      }
    }
  }

  static func of(_ host: UnsafePointer<rtool_host>?) -> Run {
    Unmanaged<Run>.fromOpaque(host!.pointee.state).takeUnretainedValue()
  }

  func status(_ body: () throws -> Void) -> Int32 {
    do {
      try body()
      return Int32(RTOOL_OK)
    } catch {
      let failure = Failure(error)
      fail(failure)
      switch failure.kind {
      case .interrupted: return Int32(RTOOL_STOPPED)
      case .misuse: return Int32(RTOOL_INVALID)
      default: return Int32(RTOOL_FAILED)
      }
    }
  }

  private func image(_ body: () throws -> UnsafeMutablePointer<rtool_image>) -> UnsafeMutablePointer<
    rtool_image
  >? {
    var image: UnsafeMutablePointer<rtool_image>?
    _ = status { image = try body() }
    return image
  }

  private func checked(_ image: UnsafePointer<rtool_image>?) throws -> rtool_image {
    guard let image = image?.pointee, image.isWellFormed else {
      throw Failure.misuse("an image without pixels was handed over")
    }
    return image
  }

  fileprivate func log(_ level: Int32, _ text: String) {
    switch Int(level) {
    case RTOOL_LOG_WARNING: Terminal.warn(text)
    case RTOOL_LOG_DETAIL: if isVerbose { Terminal.say("rtool \(task): \(text)") }
    default: if !isQuiet { Terminal.say("rtool \(task): \(text)") }
    }
  }

  /// The user's image in the size that a result is to have.
  private func sized(_ source: SourceImage, as result: rtool_result) throws -> SourceImage {
    let (width, height) = (Int(result.width), Int(result.height))
    if width == 0 && height == 0 { return source }
    guard (1...Self.largestSide).contains(width), (1...Self.largestSide).contains(height) else {
      throw Failure.misuse("a result cannot have \(width)x\(height) pixels")
    }
    try checkMemory(for: width * height * 4)
    return try source.resized(width: width, height: height)
  }

  private func emit(_ pointer: UnsafePointer<rtool_result>?) throws {
    guard let result = Growth.read(pointer, into: rtool_result(), atLeast: Growth.result),
      result.piece_count <= 1 << 20, result.piece_count == 0 || result.pieces != nil
    else { throw Failure.misuse("a result needs its size filled in") }
    guard result.frame_duration >= 0 else {
      throw Failure.misuse("a frame is shown for \(result.frame_duration) milliseconds")
    }
    let patches = try (0..<Int(result.piece_count)).map { index in
      let piece = result.pieces[index]
      let image = try checked(piece.image)
      guard image.channels != 2 else { throw Failure.misuse("a piece of a result has 2 channels") }
      guard image.isFinite else { throw Failure.misuse("the task made pixels that are no numbers") }
      return Patch(x: Int(piece.x), y: Int(piece.y), image: image.floatImage())
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
      guard let only = patches.first, patches.count == 1 else {
        throw Failure.misuse("a result that lies over nothing is one piece")
      }
      image = try ResultImage.fresh(only.image)
    }
    emit(
      Emission(
        result: image, source: source, caption: result.caption.map { String(cString: $0) },
        frameDuration: Int(result.frame_duration)))
  }
}

extension rtool_image {
  /// To 0...1: the wide filters overshoot.
  fileprivate func clamp() {
    for index in 0..<Int(height) * Int(stride) { data[index] = min(max(data[index], 0), 1) }
  }

  /// Fills this image with the part of `source` whose corner is at (x, y), mirrored beyond the border.
  fileprivate func copy(from source: rtool_image, x: Int, y: Int) {
    func mirrored(_ position: Int, _ size: Int) -> Int {
      let period = 2 * size
      let wrapped = ((position % period) + period) % period
      return wrapped < size ? wrapped : period - 1 - wrapped
    }
    let channels = Int(channels)
    for row in 0..<Int(height) {
      let to = data + row * Int(stride)
      let from = source.data + mirrored(y + row, Int(source.height)) * Int(source.stride)
      for column in 0..<Int(width) {
        let at = from + mirrored(x + column, Int(source.width)) * channels
        for channel in 0..<channels { to[column * channels + channel] = at[channel] }
      }
    }
  }

  /// In place: base += mask (over - base).
  fileprivate func composite(_ over: rtool_image, mask: rtool_image?, x: Int, y: Int) {
    let channels = Int(channels)
    let columns = max(0, -x)..<max(max(0, -x), min(Int(over.width), Int(width) - x))
    for row in max(0, -y)..<max(max(0, -y), min(Int(over.height), Int(height) - y)) {
      let to = data + (y + row) * Int(stride) + x * channels
      let from = over.data + row * Int(over.stride)
      let weights = mask.map { $0.data + row * Int($0.stride) }
      for column in columns {
        let weight = weights?[column] ?? 1
        for channel in column * channels..<(column + 1) * channels {
          to[channel] += weight * (from[channel] - to[channel])
        }
      }
    }
  }
}
