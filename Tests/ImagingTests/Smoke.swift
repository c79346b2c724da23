import Testing

import Imaging

@Suite struct Smoke {
  @Test(arguments: Format.allCases) func roundTrip(_ format: Format) throws {
    let image = picture(64, 48)
    let options = WriteOptions(quality: 95, lossless: true)
    let file = try ResultImage.fresh(image).encoded(as: format, options: options, provenance: "{\"a\":1}")
    let back = try SourceImage.open(.bytes(Array(file.bytes), name: "x"))
    let rgb = try back.rgb()
    var worst: Float = 0
    for (a, b) in zip(rgb.pixels, image.pixels) { worst = max(worst, abs(a - b)) }
    print(format, file.bytes.count, back.width, back.height, back.bitDepth, back.colourChannels, back.hasAlpha, worst, back.provenance ?? "nil", file.notes)
  }
  @Test func supported() throws {
    for s in try Imaging.supportedFormats() { print(s.format, s.reads, s.writes) }
  }
}
