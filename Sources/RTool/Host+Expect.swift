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
