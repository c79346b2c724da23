import CRTool

/// The host, as a task sees it. Each call is one function of `rtool_host`; what fails there is thrown here.
public struct Host {
  let table: UnsafePointer<rtool_host>
  let customs: CustomFunctions

  package init(_ table: UnsafePointer<rtool_host>) { self.init(table, customs: CustomFunctions()) }

  init(_ table: UnsafePointer<rtool_host>, customs: CustomFunctions) {
    (self.table, self.customs) = (table, customs)
  }

  public var seed: UInt64 { table.pointee.seed }
  public var threads: Int { Int(table.pointee.threads) }
  /// Whether text that is emitted must be one JSON value.
  public var wantsJSON: Bool { table.pointee.json != 0 }
  /// Bits of each channel that the file of an image made from nothing keeps as they are: 8 or 16; 0: its format alters
  /// values. An older host writes 8.
  public var bitDepth: Int { has(\.bit_depth) ? Int(table.pointee.bit_depth) : 8 }
  public var model: Model { Model(facts: table.pointee.model) }

  /// Whether the host has a function, as RTOOL_HAS tells it in C.
  func has<Function>(_ function: KeyPath<rtool_host, Function>) -> Bool {
    Int(table.pointee.struct_size)
      >= MemoryLayout<rtool_host>.offset(of: function)! + MemoryLayout<Function>.size
  }

  /// A function that came after 0.1.
  /// - Throws: `TaskFailure.message` where the host is too old to have it.
  func later<Function>(_ function: KeyPath<rtool_host, Function?>, since minor: Int) throws -> Function {
    guard has(function), let found = table.pointee[keyPath: function] else {
      throw TaskFailure.message(
        "this rtool offers interface \(Interface.text(table.pointee.abi)) and the task needs 0.\(minor); use a newer rtool"
      )
    }
    return found
  }

  func check(_ status: Int32) throws {
    if status != Int32(RTOOL_OK) { throw TaskFailure.reported(status: status) }
  }

  func checked(_ image: UnsafeMutablePointer<rtool_image>?) throws -> Image {
    guard let image else { throw TaskFailure.reported(status: Int32(RTOOL_FAILED)) }
    return Image(image)
  }

  // MARK: Talking to the user

  /// Tells how much is done, 0...1; throws when the user wants to stop.
  public func progress(_ fraction: Double, _ note: String? = nil) throws {
    if table.pointee.progress(table, fraction, note) == 0 {
      throw TaskFailure.reported(status: Int32(RTOOL_STOPPED))
    }
  }

  public func note(_ text: String) { table.pointee.log(table, Int32(RTOOL_LOG_NOTE), text) }
  public func warn(_ text: String) { table.pointee.log(table, Int32(RTOOL_LOG_WARNING), text) }
  public func detail(_ text: String) { table.pointee.log(table, Int32(RTOOL_LOG_DETAIL), text) }

  /// A fact about how the result was made, kept in its metadata.
  public func record(_ key: String, _ text: String) { table.pointee.record(table, key, text) }

  // MARK: Memory and chance

  /// Zeroed memory that lives until the run ends.
  public func allocate<Element: BitwiseCopyable>(_ type: Element.Type, count: Int) throws
    -> UnsafeMutablePointer<Element>
  {
    guard let memory = table.pointee.alloc(table, max(count, 1) * MemoryLayout<Element>.stride) else {
      throw TaskFailure.message("out of memory")
    }
    return memory.bindMemory(to: type, capacity: max(count, 1))
  }

  /// What the host hands out within `body` dies when it returns, where the host has scopes: for loops. Nothing of it may
  /// be kept.
  public func scoped<Result>(_ body: () throws -> Result) throws -> Result {
    guard has(\.scope_begin), has(\.scope_end) else { return try body() }
    table.pointee.scope_begin(table)
    defer { _ = table.pointee.scope_end(table) }
    return try body()
  }

  /// Returns `count` elements that are prepared once for all runs of a process: `make` fills them in the first time
  /// that `key` is asked for with this model. They may depend only on the model and the key. See `rtool_host`.
  public func prepared<Element: BitwiseCopyable>(
    _ key: String, _ type: Element.Type, count: Int,
    make: (UnsafeMutableBufferPointer<Element>) throws -> Void
  ) throws -> UnsafeBufferPointer<Element> {
    let prepared = try later(\.prepared, since: 3)
    return try withoutActuallyEscaping(make) { make in
      let preparation = Preparation(host: self) { memory in
        try make(
          UnsafeMutableBufferPointer(start: memory.bindMemory(to: type, capacity: count), count: count))
      }
      let memory = withExtendedLifetime(preparation) {
        prepared(
          table, key, count * MemoryLayout<Element>.stride,
          { _, memory, user in
            guard let memory, let user else { return Int32(RTOOL_INVALID) }
            return Unmanaged<Preparation>.fromOpaque(user).takeUnretainedValue().fill(memory)
          }, Unmanaged.passUnretained(preparation).toOpaque())
      }
      guard let memory else { throw TaskFailure.reported(status: Int32(RTOOL_FAILED)) }
      return UnsafeBufferPointer(start: memory.assumingMemoryBound(to: type), count: count)
    }
  }

  func copied<Element: BitwiseCopyable>(_ elements: [Element]) throws -> UnsafePointer<Element>? {
    if elements.isEmpty { return nil }
    let copy = try allocate(Element.self, count: elements.count)
    copy.update(from: elements, count: elements.count)
    return UnsafePointer(copy)
  }

  func copied(_ text: String) throws -> UnsafePointer<CChar> {
    try copied(text.utf8.map { CChar(bitPattern: $0) } + [0])!
  }

  func copied(_ images: [Image]) throws -> UnsafePointer<rtool_image>? {
    try copied(images.map(\.pointer.pointee))
  }

  /// Numbers of the standard normal distribution; the same seed and stream give the same ones.
  public func normal(stream: UInt64, count: Int) -> [Float] {
    random(distribution: RTOOL_RANDOM_NORMAL, stream: stream, count: count)
  }

  /// Numbers in [0, 1).
  public func uniform(stream: UInt64, count: Int) -> [Float] {
    random(distribution: RTOOL_RANDOM_UNIFORM, stream: stream, count: count)
  }

  private func random(distribution: Int, stream: UInt64, count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      table.pointee.random(table, Int32(distribution), stream, count, buffer.baseAddress)
      filled = count
    }
  }

  // MARK: Images

  public enum Filter: Int, Sendable {
    case linear, cubic, lanczos, box, nearest

    func bits(wraps: Bool) -> UInt32 { UInt32(rawValue | (wraps ? Int(RTOOL_FILTER_WRAP) : 0)) }
  }

  /// A new image of zeros.
  public func image(width: Int, height: Int, channels: Int) throws -> Image {
    try checked(table.pointee.image_new(table, Int32(width), Int32(height), Int32(channels)))
  }

  /// - Parameter wraps: whether the image goes on at its other side beyond its border, rather than with its outermost pixels.
  public func resized(
    _ image: Image, width: Int, height: Int, filter: Filter = .cubic, wraps: Bool = false
  ) throws -> Image {
    try checked(
      table.pointee.image_resize(
        table, image.pointer, Int32(width), Int32(height), filter.bits(wraps: wraps)))
  }

  /// A copy of a part; beyond the border the image is mirrored.
  public func cropped(_ image: Image, to box: Box) throws -> Image {
    try checked(
      table.pointee.image_crop(
        table, image.pointer, Int32(box.x), Int32(box.y), Int32(box.width), Int32(box.height)))
  }

  public func copy(_ image: Image) throws -> Image { try cropped(image, to: image.bounds) }

  public func blurred(_ image: Image, sigma: Double) throws -> Image {
    try checked(table.pointee.blur(table, image.pointer, sigma))
  }

  /// Lays `over` on `base` with its corner at (x, y), by `mask` where there is one.
  public func composite(_ over: Image, onto base: Image, mask: Image? = nil, x: Int = 0, y: Int = 0) throws {
    try check(
      table.pointee.image_composite(
        table, base.pointer, over.pointer, mask?.pointer, Int32(x), Int32(y)))
  }

  // MARK: The classifier

  /// This host with another model, named by a `Parameter.model`: functions that use the classifier use that model;
  /// everything else belongs to the same run.
  public func with(model name: String) throws -> Host {
    guard let other = try later(\.with_model, since: 3)(table, name) else {
      throw TaskFailure.reported(status: Int32(RTOOL_FAILED))
    }
    return Host(other, customs: customs)
  }

  /// Logits of one image, one for each class.
  public func logits(_ image: Image) throws -> [Float] {
    var logits = [Float](repeating: 0, count: model.classes.count)
    try check(table.pointee.logits(table, image.pointer, 1, &logits))
    return logits
  }

  /// Features of one image at a layer; nil: the pooled representation.
  public func features(_ image: Image, layer: String?) throws -> Features {
    var tensor = rtool_tensor()
    try check(table.pointee.features(table, image.pointer, layer, &tensor))
    return Features(tensor)
  }

  /// Features of several images of one size at a layer; nil: the pooled representation.
  public func features(_ images: [Image], layer: String?) throws -> [Features] {
    var tensors = [rtool_tensor](repeating: rtool_tensor(), count: images.count)
    try check(
      later(\.features_batch, since: 3)(
        table, copied(images), UInt32(images.count), layer, &tensors))
    return tensors.map(Features.init)
  }

  /// Features of the task's own making, zeros.
  public func features(channels: Int, height: Int, width: Int) throws -> Features {
    Features(
      rtool_tensor(
        channels: Int32(channels), height: Int32(height), width: Int32(width),
        data: try allocate(Float.self, count: channels * height * width)))
  }

  /// Loss of the sum of `terms` at each image, all of one size.
  public func losses(_ terms: [Term], at images: [Image]) throws -> [Double] {
    try evaluate(terms, at: images, gradients: nil)
  }

  /// The same, with the gradient in the pixels.
  public func gradient(_ terms: [Term], at image: Image) throws -> (loss: Double, gradient: Image) {
    let gradient = try self.image(width: image.width, height: image.height, channels: 3)
    return (try evaluate(terms, at: [image], gradients: copied([gradient]))[0], gradient)
  }

  private func evaluate(_ terms: [Term], at images: [Image], gradients: UnsafePointer<rtool_image>?) throws
    -> [Double]
  {
    var objective = try objective(terms)
    var losses = [Double](repeating: 0, count: images.count)
    try check(
      table.pointee.gradient(table, &objective, try copied(images), UInt32(images.count), &losses, gradients))
    return losses
  }

  /// A sample of the model's seed distribution of a class. See `Model.hasSeeds`.
  public func classSeed(_ index: Int, stream: UInt64, width: Int, height: Int) throws -> Image {
    try checked(table.pointee.class_seed(table, Int32(index), stream, Int32(width), Int32(height)))
  }

  /// What each channel of the representation adds to the logit of a class.
  public func classWeights(_ index: Int) throws -> [Float] {
    var weights = [Float](repeating: 0, count: model.layers.last!.channels)
    try check(later(\.class_weights, since: 2)(table, Int32(index), &weights))
    return weights
  }

  // MARK: The result

  /// Hands over the user's own image with pieces laid over it; no other pixel changes.
  /// - Parameters:
  ///   - size: of the result, to which the user's image is brought first; nil: its own.
  ///   - name: what it is among several results, see `rtool_result`; nil: the result.
  public func emit(
    _ pieces: [(image: Image, x: Int, y: Int)], over image: Image, size: (width: Int, height: Int)? = nil,
    name: String? = nil, caption: String? = nil
  ) throws {
    try emit(pieces, over: image.pointer, size: size, name: name, caption: caption)
  }

  /// Hands over an image made from nothing.
  /// - Parameters:
  ///   - name: what it is among several results, see `rtool_result`; nil: the result.
  ///   - caption: shown under it on a contact sheet.
  ///   - frameDuration: in milliseconds; images in a row that have one are frames of an animation.
  ///   - bitDepth: bits of each channel that it needs, 8 or 16; its file has no more than `Host.bitDepth`. nil: 8, or
  ///     what the user asks for.
  public func emit(
    _ image: Image, name: String? = nil, caption: String? = nil, frameDuration: Int = 0, bitDepth: Int? = nil
  ) throws {
    try emit(
      [(image, 0, 0)], over: nil, name: name, caption: caption, frameDuration: frameDuration,
      bitDepth: bitDepth)
  }

  /// Hands over text, to standard output.
  public func emit(text: String) throws { try check(table.pointee.emit_text(table, text)) }

  private func emit(
    _ pieces: [(image: Image, x: Int, y: Int)], over: UnsafePointer<rtool_image>?,
    size: (width: Int, height: Int)? = nil, name: String? = nil, caption: String? = nil,
    frameDuration: Int = 0, bitDepth: Int? = nil
  ) throws {
    var result = rtool_result()
    result.struct_size = UInt32(MemoryLayout<rtool_result>.size)
    result.over = over
    result.piece_count = UInt32(pieces.count)
    result.pieces = try copied(
      pieces.map { rtool_piece(x: Int32($0.x), y: Int32($0.y), image: $0.image.pointer) })
    result.name = try name.map(copied)
    result.caption = try caption.map(copied)
    result.frame_duration = Int32(frameDuration)
    result.bit_depth = Int32(bitDepth ?? 0)
    result.width = Int32(size?.width ?? 0)
    result.height = Int32(size?.height ?? 0)
    try check(table.pointee.emit(table, &result))
  }
}

/// What the model says of itself. See `rtool_model`.
public struct Model {
  let facts: UnsafePointer<rtool_model>

  public var name: String { String(cString: facts.pointee.name) }
  public var classes: [String] {
    (0..<Int(facts.pointee.class_count)).map { String(cString: facts.pointee.classes[$0]!) }
  }
  /// Names of the layers from shallow to deep; the last is the pooled representation.
  public var layers: [Layer] {
    let base = UnsafeRawPointer(facts.pointee.layers!)
    return (0..<Int(facts.pointee.layer_count)).map {
      let layer = base.load(fromByteOffset: $0 * Int(facts.pointee.layer_size), as: rtool_layer.self)
      return Layer(
        name: String(cString: layer.name), channels: Int(layer.channels), reduction: Int(layer.reduction))
    }
  }
  /// Pixels of the square images it was trained on.
  public var side: Int { Int(facts.pointee.side) }
  /// The least side an image may have.
  public var smallest: Int { Int(facts.pointee.smallest) }
  /// L2 radius it was trained to resist at `side`; 0: not robust.
  public var eps: Double { facts.pointee.eps }
  public var hasSeeds: Bool { facts.pointee.has_seeds != 0 }

  public struct Layer: Sendable {
    public let name: String
    public let channels: Int
    /// Image pixels for one position along one side; 0: pooled.
    public let reduction: Int
  }
}

/// A function that fills in what is prepared, at a place that C can point to.
private final class Preparation {
  private let host: Host
  private let function: (UnsafeMutableRawPointer) throws -> Void

  init(host: Host, _ function: @escaping (UnsafeMutableRawPointer) throws -> Void) {
    (self.host, self.function) = (host, function)
  }

  func fill(_ memory: UnsafeMutableRawPointer) -> Int32 {
    do {
      try function(memory)
      return Int32(RTOOL_OK)
    } catch { return host.status(of: error) }
  }
}
