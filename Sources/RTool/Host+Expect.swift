import CRTool

extension Host {
  /// Shows where a search is that the task does by itself, for --frames and --sheet. An older host shows nothing.
  /// - Parameters:
  ///   - step: from 0 on, with which a search begins.
  ///   - image: 3 channels.
  public func show(step: Int, loss: Double, _ image: Image) {
    guard has(\.show), let show = table.pointee.show else { return }
    show(table, Int32(clamping: step), loss, image.pointer)
  }

  /// Whether somebody watches how the result comes about; nothing that is made may depend on it. Of an older host nobody
  /// does.
  public var isWatched: Bool {
    guard has(\.is_watched), let isWatched = table.pointee.is_watched else { return false }
    return isWatched(table) != 0
  }

  /// Shows those who watch what will be in a part of the task's first image, as far as it is known.
  /// - Parameters:
  ///   - image: 3 channels, any size.
  ///   - place: in pixels of the first image; it may reach over its border.
  public func show(_ image: Image, at place: Box) {
    guard has(\.show_at), let show = table.pointee.show_at else { return }
    show(
      table, image.pointer, Int32(clamping: place.x), Int32(clamping: place.y),
      Int32(clamping: place.width), Int32(clamping: place.height))
  }

  /// Tells before the work what a result will be, so that what cannot be written, or would take too much, is refused at
  /// once. An older host is told nothing.
  /// - Parameters:
  ///   - image: what it will be laid over; nil: nothing.
  ///   - size: of the result; nil: that of `image`.
  ///   - memory: bytes that the task will hold at most, besides its values.
  ///   - seconds: that the work will take; 0: not known.
  public func expect(
    over image: Image?, size: (width: Int, height: Int)? = nil, memory: Int = 0, seconds: Double = 0
  ) throws {
    guard has(\.expect), let expect = table.pointee.expect else { return }
    var expectation = rtool_expectation()
    expectation.struct_size = UInt32(MemoryLayout<rtool_expectation>.size)
    expectation.over = image.map { UnsafePointer($0.pointer) }
    expectation.width = Int32(clamping: size?.width ?? 0)
    expectation.height = Int32(clamping: size?.height ?? 0)
    expectation.memory = UInt64(max(memory, 0))
    expectation.seconds = seconds
    try check(expect(table, &expectation))
  }
}
