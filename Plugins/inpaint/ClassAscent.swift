import InpaintAlgorithms
import RTool

/// Moves the fill of a window towards a class, at the size the model was trained on: what a class looks like is known
/// at no other. The change is then enlarged and added, so that the detail of the start stays.
struct ClassAscent {
  let host: Host
  let values: Values

  /// Pixels of the model's side over which the change fades in, with --constraint hard.
  private static let fade = 6

  func apply(to window: inout Window, progress: ClosedRange<Double>) throws {
    let side = host.model.side
    let scale = Double(side) / Double(min(window.box.width, window.box.height))
    let width = max(side, Int((Double(window.box.width) * scale).rounded()))
    let height = max(side, Int((Double(window.box.height) * scale).rounded()))
    let full = try host.image(width: window.box.width, height: window.box.height, channels: 1)
    full.fill { x, y, _ in window.hole[y * window.box.width + x] ? 1 : 0 }
    let wraps = window.wraps.across && window.wraps.down
    let hole = try host.resized(full, width: width, height: height, filter: .box, wraps: wraps)
    hole.fill { x, y, _ in hole.row(y)[x] > 0 ? 1 : 0 }
    let start = try host.resized(
      window.colors.image(host), width: width, height: height, filter: .box, wraps: wraps)
    guard let classes = try host.classes(values[classes], for: start) else { return }

    let result = try ascend(
      from: start, hole: hole, in: window.box, wraps: wraps, towards: classes, progress: progress)
    // The change, about grey since images are in 0...1.
    let change = try host.image(width: width, height: height, channels: 3)
    change.fill { x, y, c in 0.5 + (result.row(y)[3 * x + c] - start.row(y)[3 * x + c]) / 2 }
    let enlarged = try host.resized(
      change, width: full.width, height: full.height, filter: .cubic, wraps: wraps)
    for c in 0..<3 {
      for index in 0..<window.colors.area where window.hole[index] {
        let (x, y) = (index % full.width, index / full.width)
        let value =
          window.colors.samples[c * window.colors.area + index] + 2 * (enlarged.row(y)[3 * x + c] - 0.5)
        window.colors.samples[c * window.colors.area + index] = min(max(value, 0), 1)
      }
    }
  }

  private func ascend(
    from start: Image, hole: Image, in place: Box, wraps: Bool, towards classes: [WeightedClass],
    progress: ClosedRange<Double>
  ) throws -> Image {
    var terms = [Term(1, .crossEntropy(classes))]
    if values[constraint] == .soft {
      let kept = try host.image(width: hole.width, height: hole.height, channels: 1)
      kept.fill { x, y, _ in 1 - hole.row(y)[x] }
      terms.append(Term(values[penalty], .pixels(targets: [start], regions: [kept])))
    }
    terms += try options.smoothnessTerms(values, regions: [hole])
    var ascent = try options.ascent(values, width: hole.width, height: hole.height)
    if values[constraint] == .hard {
      // The change fades in from the border.
      let depths = Distance.toNearest(
        width: hole.width, height: hole.height, wraps: (wraps, wraps)
      ) {
        hole.row($0 / hole.width)[$0 % hole.width] == 0
      }
      let free = try host.image(width: hole.width, height: hole.height, channels: 1)
      free.fill { x, y, _ in min(1, Float(depths[y * hole.width + x]) / Float(Self.fade)) }
      ascent.free = [free]
    }
    ascent.chromaDamping = values[classChroma]
    ascent.wraps = wraps
    ascent.progress = progress
    ascent.note = "class"
    ascent.place = place
    return try host.ascend(ascent, from: [start], minimising: terms).images[0]
  }
}
