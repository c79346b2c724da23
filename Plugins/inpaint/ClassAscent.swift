import InpaintAlgorithms
import RTool

/// Moves the fill of a window towards a class, in a working copy of the window: what a class looks like is known at the
/// model's size alone.
struct ClassAscent {
  let host: Host
  let values: Values

  /// Pixels of the copy over which the change fades in, with --constraint hard.
  private static let fade = 6

  func apply(to window: inout Window, progress: ClosedRange<Double>) throws {
    try host.scoped {
      let whole = Box(x: 0, y: 0, width: window.box.width, height: window.box.height)
      let hole = try host.image(width: whole.width, height: whole.height, channels: 1)
      hole.fill { x, y, _ in window.hole[y * whole.width + x] ? 1 : 0 }
      let copy = try WorkingCopy(
        window.colors.image(host), mask: hole, wraps: window.wraps.across && window.wraps.down, host: host)
      guard let classes = try host.classes(values[classes], for: copy.image) else { return }
      let result = try ascend(copy, in: window.box, towards: classes, progress: progress)
      window.adopt(try copy.changed(to: result), at: whole, where: hole)
    }
  }

  private func ascend(
    _ copy: WorkingCopy, in place: Box, towards classes: [WeightedClass], progress: ClosedRange<Double>
  ) throws -> Image {
    let (width, height) = (copy.image.width, copy.image.height)
    let hole = try host.image(width: width, height: height, channels: 1)
    hole.fill { x, y, _ in copy.mask!.row(y)[x] > 0 ? 1 : 0 }
    var terms = [Term(1, .crossEntropy(classes))]
    if values[constraint] == .soft {
      let kept = try host.image(width: width, height: height, channels: 1)
      kept.fill { x, y, _ in 1 - hole.row(y)[x] }
      terms.append(Term(values[penalty], .pixels(targets: [copy.image], regions: [kept])))
    }
    terms += try options.smoothnessTerms(values, regions: [hole])
    var ascent = try options.ascent(values, width: width, height: height)
    if values[constraint] == .hard { ascent.free = [try freedom(in: hole, wraps: copy.wraps)] }
    ascent.chromaDamping = values[classChroma]
    ascent.progress = progress
    ascent.note = "class"
    ascent.place = place
    return try copy.ascend(ascent, minimising: terms).images[0]
  }

  /// The change fades in from the hole's border.
  private func freedom(in hole: Image, wraps: Bool) throws -> Image {
    let depths = Distance.toNearest(width: hole.width, height: hole.height, wraps: (wraps, wraps)) {
      hole.row($0 / hole.width)[$0 % hole.width] == 0
    }
    let free = try host.image(width: hole.width, height: hole.height, channels: 1)
    free.fill { x, y, _ in min(1, Float(depths[y * hole.width + x]) / Float(Self.fade)) }
    return free
  }
}
