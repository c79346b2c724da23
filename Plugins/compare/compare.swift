import CRTool
import RTool

private let first = Parameter<Image>.image("a", "the reference photo")
private let second = Parameter<Image>.image("b", "the photo to compare with it")
private let resize = Parameter<Bool>.flag("resize", "bring the second photo to the size of the first")
private let side = Parameter<Int>.integer(
  "side", unit: "px", flags: .advanced, initial: 0, in: 0...4096,
  "compare features with the shorter side reduced to this; 0: the model's side")
private let map = Parameter<Bool>.flag(
  "map", group: "Map", "make an image of where the features differ, over a dimmed copy of the first photo")
private let mapScale = Parameter<Double?>.automaticReal(
  "map-scale", group: "Map", in: 0...4,
  "the distance that gets the brightest colour, to make maps comparable (auto: the largest there is)")

let manifest = Manifest(
  name: "compare", version: "1.0.0", summary: "Tell how far apart two photos are",
  description: """
    Prints the perceptual distance of two photos in the model's robust features, layer by layer, with PSNR and SSIM.

    The distance at a layer takes the features of each position as a vector of length 1, and is the mean over positions \
    of the squared difference: 0 where the photos are the same, 2 at most. The distance of the representation is \
    the length of the difference divided by the length of the first photo's. PSNR and SSIM (Gaussian window of \
    11 pixels, sigma 1.5) are of the pixels at full size; features are read at the size the model knows.
    """,
  examples: [
    ("a.jpg b.jpg", "Tell how far b is from a"),
    ("a.jpg b.jpg --json", "Tell it to a program"),
    ("a.jpg b.jpg --map -o map.png", "Show where they differ"),
  ],
  parameters: [
    first, second, resize, side, map,
    mapScale,
  ], needs: 3)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: compare)
}

private func compare(_ host: Host, _ values: Values) throws {
  let (a, b) = try pair(host, values)
  try host.progress(0, "pixels")
  let pixels = PixelDistance(a, b)
  try host.progress(0.5, "features")
  let side = values[side] > 0 ? max(values[side], host.model.smallest) : host.model.side
  let features = try FeatureDistance(
    WorkingCopy(a, mask: nil, side: side, host: host).image,
    WorkingCopy(b, mask: nil, side: side, host: host).image, host: host)

  host.record("distance", "\(features.mean)")
  if host.wantsJSON {
    try host.emit(text: "\(json(pixels, features, values))\n")
  } else if values[map] {
    // Standard output is the map's.
    for line in text(pixels, features).split(separator: "\n") { host.note(String(line)) }
  } else {
    try host.emit(text: text(pixels, features))
  }
  if values[map] {
    let heat = try features.map(host)
    var brightest = values[mapScale] ?? 0
    if brightest == 0 {
      for y in 0..<heat.height {
        for x in 0..<heat.width { brightest = max(brightest, Double(heat.row(y)[x])) }
      }
    }
    host.record("map-scale", "\(brightest)")
    try host.emit(
      [(HeatMap(brightest: Float(brightest)).image(of: heat, over: a, host: host), 0, 0)], over: a,
      caption: "distance \(Text.fixed(features.mean, 4))")
  }
}

/// Both photos, of one size.
private func pair(_ host: Host, _ values: Values) throws -> (Image, Image) {
  let (a, b) = (values[first], values[second])
  if (a.width, a.height) == (b.width, b.height) { return (a, b) }
  guard values[resize] else {
    let (nameA, nameB) = (values.names(first)[0], values.names(second)[0])
    throw TaskFailure.message(
      "\(nameB) is \(b.width)x\(b.height) pixels but \(nameA) is \(a.width)x\(a.height); give --resize to bring it to "
        + "that size, or crop one of them")
  }
  return (a, try host.resized(b, width: a.width, height: a.height, filter: .lanczos))
}

private func json(_ pixels: PixelDistance, _ features: FeatureDistance, _ values: Values) -> JSON {
  JSON([
    "a": JSON(values.names(first)[0]),
    "b": JSON(values.names(second)[0]),
    "identical": JSON(pixels.squaredError == 0),
    "psnr": JSON(pixels.psnr),
    "ssim": JSON(pixels.ssim),
    "distance": JSON(features.mean),
    "layers": JSON(
      features.layers.map { JSON(["name": JSON($0.name), "distance": JSON($0.distance)]) }),
    "representation": JSON(features.representation),
  ])
}

private func text(_ pixels: PixelDistance, _ features: FeatureDistance) -> String {
  let psnr = pixels.squaredError == 0 ? "same pixels" : Text.fixed(pixels.psnr, 2) + " dB"
  var rows = [
    ["PSNR", psnr], ["SSIM", Text.fixed(pixels.ssim, 4)],
    ["features", Text.fixed(features.mean, 4), "mean of the layers"],
  ]
  rows += features.layers.map { ["  " + $0.name, Text.fixed($0.distance, 4)] }
  rows.append(["representation", Text.fixed(features.representation, 4), "relative"])
  return Text.table(rows, right: [1])
}
