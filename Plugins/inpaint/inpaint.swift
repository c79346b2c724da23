import CRTool
import InpaintAlgorithms
import RTool

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: inpaint)
}

private func inpaint(_ host: Host, _ values: Values) throws {
  let photo = values[image]
  // What is to be filled of each pixel; the pieces are small.
  try host.expect(over: photo, memory: photo.width * photo.height * MemoryLayout<Float>.stride)
  let hole = try markedHole(in: photo, values)
  if try options.number("parametrisation", values) == 1 && values[constraint] == .hard {
    throw TaskFailure.usage("--parametrisation fourier moves every pixel; give --constraint soft with it")
  }
  try warnOfIdleOptions(values, host)
  if values[maskAlpha], hole.share > 0.5 {
    host.warn("\(Int(hole.share * 100)) % of the photo is transparent, at least in part, and is filled")
  }
  let isPremultiplied = values[maskAlpha] && photo.isPremultiplied
  if isPremultiplied {
    host.warn("the photo's colours are multiplied by its alpha; that is undone where it is filled")
  }
  // The published method sees whole photos, in which the hole lies anywhere.
  let parts = WindowPlan(context: values[context], keepsSize: values[start] == .photoMean).parts(of: hole)
  let total = parts.reduce(0) { $0 + Double($1.hole.area) }
  var done = 0.0
  var pieces: [Piece] = []
  for part in parts {
    var window = Window(box: part.window, of: photo, hole: hole, filled: pieces)
    let progress = done / total...(done + Double(part.hole.area)) / total
    try fill(&window, of: photo, host, values, progress: progress)
    pieces.append(
      try Piece(
        part.hole, of: window, over: photo, isPremultiplied: isPremultiplied, hole: hole, host: host))
    done += Double(part.hole.area)
  }
  try host.emit(pieces.flatMap { try $0.parts(within: hole, host) }, over: photo)
}

/// Options of an ascent that does not take place do nothing, which their user should know.
private func warnOfIdleOptions(_ values: Values, _ host: Host) throws {
  guard case .none = values[classes] else { return }
  if try values.isGiven(constraint)
    || ["steps", "step-size", "radius"].contains(where: { try options.isGiven($0, values) })
  {
    host.warn("--steps, --step-size, --radius and --constraint do nothing without --class")
  }
}

private func markedHole(in photo: Image, _ values: Values) throws -> Hole {
  if values[mask] == nil && values[boxes].isEmpty && !values[maskAlpha] {
    throw TaskFailure.usage("nothing says what to fill; mark the hole with --mask, --box or --mask-alpha")
  }
  var hole = Hole(width: photo.width, height: photo.height, wraps: values[wrap])
  if let mask = values[mask] { hole.add(mask) }
  if values[maskAlpha] {
    guard photo.channels == 4 else {
      throw TaskFailure.message("the photo has nothing transparent for --mask-alpha to fill")
    }
    hole.addTransparency(of: photo)
    if hole.isEmpty, values[boxes].isEmpty {
      throw TaskFailure.message("the photo has nothing transparent for --mask-alpha to fill")
    }
  }
  for box in values[boxes] where !hole.add(box) {
    throw TaskFailure.message(
      "--box \(box.x),\(box.y),\(box.width),\(box.height) lies outside the photo of \(photo.width)x\(photo.height) pixels"
    )
  }
  if hole.isEmpty {
    throw TaskFailure.message("the mask is black everywhere, so there is nothing to fill; white is filled")
  }
  if hole.isFull {
    throw TaskFailure.message("all of the photo is to be filled; nothing is left to fill it from")
  }
  return hole
}

/// The stages of one window, each of which has its share of the progress.
private func fill(
  _ window: inout Window, of photo: Image, _ host: Host, _ values: Values, progress: ClosedRange<Double>
) throws {
  let hasClass = if case .none = values[classes] { false } else { true }
  let hasTexture = values[texture] > 0 && values[textureSteps] > 0
  let shares = [values[start] == .exemplar ? 1 : 0.1, hasClass ? 1 : 0, hasTexture ? 1 : 0]
  func part(_ stage: Int) -> ClosedRange<Double> {
    let share = (progress.upperBound - progress.lowerBound) / shares.reduce(0, +)
    let from = progress.lowerBound + share * shares[..<stage].reduce(0, +)
    return from...(from + share * shares[stage])
  }

  let view = try HoleView(window, host)
  switch values[start] {
  case .mean: window.colors = SmoothFill.mean(window.colors, hole: window.hole)
  case .photoMean: window.colors = SmoothFill.constant(photo.meanColor, in: window.colors, hole: window.hole)
  case .harmonic: window.colors = SmoothFill.harmonic(window.colors, hole: window.hole)
  case .exemplar: try fillWithPatches(&window, host, values, view, progress: part(0))
  }
  view?.show(window.colors)
  if hasClass {
    try ClassAscent(host: host, values: values).apply(to: &window, progress: part(1))
    view?.show(window.colors)
  }
  if hasTexture { try TextureAscent(host: host, values: values).apply(to: &window, progress: part(2)) }
}

private func fillWithPatches(
  _ window: inout Window, _ host: Host, _ values: Values, _ view: HoleView?, progress: ClosedRange<Double>
) throws {
  var exemplar = ExemplarFill()
  exemplar.seed = host.seed
  exemplar.crew = host.crew
  exemplar.guideWeight = Float(values[features])
  let guide = values[features] > 0 ? try FeatureGuide(host: host).planes(of: window) : nil
  var stop: (any Error)?
  let (colors, usage) = exemplar.fill(
    window.colors, hole: window.hole, guide: guide,
    progress: { fraction in
      do {
        let length = progress.upperBound - progress.lowerBound
        try host.progress(progress.lowerBound + length * fraction, "patches")
        return true
      } catch {
        stop = error
        return false
      }
    }, watch: view.map { view in view.show(_:) })
  if let stop { throw stop }
  window.colors = colors
  window.usage = usage.contains { $0 > 0 } ? usage : nil
}
