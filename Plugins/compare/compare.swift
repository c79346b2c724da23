import CRTool
import RTool

private let first = Parameter<Image>.image("a", "the reference photo")
private let second = Parameter<[String]>.photoSeries("b", "the photo to compare with it, or several")
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

    Of several photos each is told as soon as it has been compared, with --json on a line of its own as {"result": ...}; \
    one that cannot be read or has another size is named, the others are done, and the exit code is 1.
    """,
  examples: [
    ("a.jpg b.jpg", "Tell how far b is from a"),
    ("a.jpg b.jpg --json", "Tell it to a program"),
    ("a.jpg *.png --resize", "Tell how far many photos are from one"),
    ("a.jpg b.jpg --map -o map.png", "Show where they differ"),
  ],
  parameters: [
    first, second, resize, side, map,
    mapScale,
  ], needs: 4, lacks: .ascents)

@c(rtool_plugin)
public func plugin(_ hostABI: UInt32) -> UnsafePointer<rtool_manifest>? {
  manifest.published(running: compare)
}

private func compare(_ host: Host, _ values: Values) throws {
  let (a, others) = (values[first], values.series(second))
  if values[map] && others.count > 1 {
    throw TaskFailure.usage("--map shows where one photo differs; give one, not \(others.count)")
  }
  if values[map] { try host.expect(over: a) }
  for index in others.names.indices {
    try host.progress(Double(index) / Double(others.count))
    try others.withPhoto(index) { photo in
      guard let b = try alike(photo, to: a, host, values) else {
        return try others.skip(
          index,
          "\(others.names[index]) is \(photo.width)x\(photo.height) pixels but \(values.names(first)[0]) is "
            + "\(a.width)x\(a.height); give --resize to bring it to that size, or crop one of them")
      }
      try tell(Comparison(a, b, host, values), of: others, index, host, values)
    }
  }
}

/// How far two photos of one size are apart.
private struct Comparison {
  let pixels: PixelDistance
  let features: FeatureDistance

  init(_ a: Image, _ b: Image, _ host: Host, _ values: Values) throws {
    pixels = PixelDistance(a, b)
    let side = values[side] > 0 ? max(values[side], host.model.smallest) : host.model.side
    features = try FeatureDistance(
      WorkingCopy(a, mask: nil, side: side, host: host).image,
      WorkingCopy(b, mask: nil, side: side, host: host).image, host: host)
  }
}

private func tell(
  _ found: Comparison, of others: PhotoSeries, _ index: Int, _ host: Host, _ values: Values
) throws {
  let name = others.names[index]
  let (pixels, features) = (found.pixels, found.features)
  guard others.count == 1 else {
    return try host.emit(
      part: host.wantsJSON
        ? json(name, pixels, features, values).description
        : "\(index == 0 ? "" : "\n")\(Text.printable(name))\n" + text(pixels, features, indent: 2))
  }
  host.record("distance", "\(features.mean)")
  if host.wantsJSON {
    try host.emit(text: "\(json(name, pixels, features, values))\n")
  } else if values[map] {
    // Standard output is the map's.
    for line in text(pixels, features).split(separator: "\n") { host.note(String(line)) }
  } else {
    try host.emit(text: text(pixels, features))
  }
  if values[map] { try emitMap(features, host, values) }
}

private func emitMap(_ features: FeatureDistance, _ host: Host, _ values: Values) throws {
  let a = values[first]
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

/// `b` in the size of `a`; nil: it has another, and is not to be resized.
private func alike(_ b: Image, to a: Image, _ host: Host, _ values: Values) throws -> Image? {
  if (a.width, a.height) == (b.width, b.height) { return b }
  return values[resize] ? try host.resized(b, width: a.width, height: a.height, filter: .lanczos) : nil
}

private func json(
  _ name: String, _ pixels: PixelDistance, _ features: FeatureDistance, _ values: Values
) -> JSON {
  JSON([
    "a": JSON(values.names(first)[0]),
    "b": JSON(name),
    "identical": JSON(pixels.squaredError == 0),
    "psnr": JSON(pixels.psnr),
    "ssim": JSON(pixels.ssim),
    "distance": JSON(features.mean),
    "layers": JSON(
      features.layers.map { JSON(["name": JSON($0.name), "distance": JSON($0.distance)]) }),
    "representation": JSON(features.representation),
  ])
}

private func text(_ pixels: PixelDistance, _ features: FeatureDistance, indent: Int = 0) -> String {
  let psnr = pixels.squaredError == 0 ? "same pixels" : Text.fixed(pixels.psnr, 2) + " dB"
  var rows = [
    ["PSNR", psnr], ["SSIM", Text.fixed(pixels.ssim, 4)],
    ["features", Text.fixed(features.mean, 4), "mean of the layers"],
  ]
  rows += features.layers.map { ["  " + $0.name, Text.fixed($0.distance, 4)] }
  rows.append(["representation", Text.fixed(features.representation, 4), "relative"])
  return Text.table(rows, right: [1], indent: indent)
}
