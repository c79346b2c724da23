/// How much a mask marks, and what to say where that is unusual.
public struct MaskExtent: Sendable, Equatable {
  /// Pixels that are not black, and all.
  public let marked, total: Int

  /// - Parameter mask: 1 channel.
  public init(_ mask: FloatImage) {
    (marked, total) = (mask.pixels.count { $0 > 0 }, mask.pixels.count)
  }

  init(marked: Int, total: Int) { (self.marked, self.total) = (marked, total) }

  public var isNothing: Bool { marked == 0 }
  public var isAll: Bool { marked == total }

  /// A sentence without its subject, the mask; nil: nothing is unusual.
  public var remark: String? {
    let share = Double(marked) / Double(max(total, 1))
    if isNothing { return "marks nothing: it is black everywhere" }
    if isAll { return "marks all of the image (--mask-invert marks nothing of it)" }
    if share < 0.0001 { return "marks \(marked == 1 ? "one pixel" : "\(marked) pixels") of \(total)" }
    if share > 0.5 {
      let percent = (share * 1000).rounded(.down) / 10
      return "marks \(percent) % of the image (--mask-invert marks the rest)"
    }
    return nil
  }
}
