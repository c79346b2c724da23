/// A mask in colours: which of them is what is marked, where that is certain.
struct ColourMask {
  let name: String
  let width, height: Int
  /// Interleaved red, green and blue, 0...255.
  let values: [Float]
  let isLossy: Bool

  /// What is marked, as levels 0...255, with what the user should know.
  typealias Reading = (levels: [Float], notes: [String])

  /// Throws `ambiguous`.
  func read() throws(ImagingError) -> Reading {
    guard let colours = ColourAreas.colours(of: self) else { throw photoRefusal }
    if colours.count == 2 {
      guard let marked = marked(colours[0], colours[1]) else { throw refusal(colours) }
      let ground = marked == colours[0] ? colours[1] : colours[0]
      return (
        levels(of: [marked], among: colours),
        ground.isWhite ? ["what is \(marked.word) is marked, and its white is not"] : []
      )
    }
    // Labels in colours: all that is not the black around them.
    if let black = colours.first(where: \.isBlack), borderShare(nearest: black, among: colours) >= 0.5 {
      let others = colours.filter { $0 != black }
      let list = LabelText.list(Set(others.map(\.word)).sorted())
      return (
        levels(of: others, among: colours),
        ["all that is not black is marked: \(list) (--mask-colour chooses)"]
      )
    }
    throw refusal(colours)
  }

  /// What has one of the colours that the user names. Throws `ambiguous`.
  func read(_ wanted: [NamedColour]) throws(ImagingError) -> Reading {
    guard let colours = ColourAreas.colours(of: self) else {
      let levels = levels(near: wanted.map(\.colour))
      if levels.contains(where: { $0 > 0 }) { return (levels, []) }
      throw ImagingError(
        .ambiguous, name, "nothing in the mask has the colour \(LabelText.list(wanted.map(\.text)))")
    }
    var marked: [MaskColour] = []
    for colour in wanted {
      let same = colours.filter { $0.word == colour.word }
      let near = colours.min { $0.distance(to: colour.colour) < $1.distance(to: colour.colour) }!
      if same.isEmpty, near.distance(to: colour.colour) > 90 {
        throw ImagingError(
          .ambiguous, name,
          "the mask has no \(colour.text); it has \(LabelText.list(colours.map(\.description)))")
      }
      marked += same.isEmpty ? [near] : same
    }
    return (levels(of: marked, among: colours), [])
  }

  /// Which of two colours is what is marked; nil: it may be either.
  private func marked(_ first: MaskColour, _ second: MaskColour) -> MaskColour? {
    if let (low, high) = ColourMap.ends.first(where: { map in
      [(first, second), (second, first)].contains {
        $0.distance(to: map.low) <= 24 && $1.distance(to: map.high) <= 24
      }
    }) {
      return first.distance(to: high) < first.distance(to: low) ? first : second
    }
    if first.isBlack != second.isBlack { return first.isBlack ? second : first }
    if first.isBlack { return first.largest < second.largest ? second : first }
    guard first.isWhite != second.isWhite else { return nil }
    let (white, colour) = first.isWhite ? (first, second) : (second, first)
    // Paint on white paper, or the usual white on something else.
    return borderShare(nearest: white, among: [white, colour]) >= 0.5 ? colour : white
  }

  private func refusal(_ colours: [MaskColour]) -> ImagingError {
    let example = colours.first { !["white", "black", "grey"].contains($0.word) } ?? colours[0]
    let alike = colours.filter { $0.word == example.word }.count > 1
    return ImagingError(
      .ambiguous, name,
      "the mask has \(Self.number(colours.count)), \(LabelText.list(colours.map(\.description))); say which "
        + "is marked with --mask-colour, such as \(alike ? "'\(example.code)'" : example.word)")
  }

  private var photoRefusal: ImagingError {
    ImagingError(
      .ambiguous, name,
      "the mask looks like a photo, with many colours: are two files in the wrong order? Where one colour is painted "
        + "on a photo, name it with --mask-colour")
  }

  private static func number(_ count: Int) -> String {
    count == 1
      ? "one colour"
      : (["two", "three", "four", "five", "six"].dropFirst(count - 2).first ?? "\(count)") + " colours"
  }

  func colour(_ pixel: Int) -> MaskColour {
    MaskColour(red: values[3 * pixel], green: values[3 * pixel + 1], blue: values[3 * pixel + 2])
  }

  /// The share of the border's pixels that are nearer to one colour than to the others.
  private func borderShare(nearest wanted: MaskColour, among colours: [MaskColour]) -> Double {
    Border.share(width, height) { pixel in
      let colour = colour(pixel)
      return colours.min { $0.distance(to: colour) < $1.distance(to: colour) } == wanted
    }
  }

  /// How near each pixel is to colours that are marked, against the others: 0 at one of these, 255 at one of those.
  private func levels(of marked: [MaskColour], among colours: [MaskColour]) -> [Float] {
    let others = colours.filter { !marked.contains($0) }
    if others.isEmpty { return [Float](repeating: 255, count: width * height) }
    return (0..<width * height).map { pixel in
      let colour = colour(pixel)
      let near = marked.reduce(Float.infinity) { min($0, $1.distance(to: colour)) }
      let far = others.reduce(Float.infinity) { min($0, $1.distance(to: colour)) }
      let share = near + far > 0 ? far / (near + far) : 0
      return isLossy ? min(max((share - 0.2) / 0.6, 0), 1) * 255 : (share * 255 * 256).rounded() / 256
    }
  }

  /// The pixels near to a colour, in a picture that has all kinds of colours.
  private func levels(near wanted: [MaskColour]) -> [Float] {
    (0..<width * height).map { pixel in
      let colour = colour(pixel)
      let distance = wanted.reduce(Float.infinity) { min($0, $1.distance(to: colour)) }
      return min(max((56 - distance) / 32, 0), 1) * 255
    }
  }
}

/// The border of a picture, which tells what its ground is.
enum Border {
  /// The share of its pixels for which a condition holds.
  static func share(_ width: Int, _ height: Int, where holds: (Int) -> Bool) -> Double {
    let rows = (0..<width).flatMap { [$0, (height - 1) * width + $0] }
    let columns = (0..<height).flatMap { [$0 * width, $0 * width + width - 1] }
    return Double((rows + columns).filter(holds).count) / Double(2 * (width + height))
  }
}

/// The ends of the colour maps in which plotting programs save arrays, the lowest value and the highest.
private enum ColourMap {
  static let ends: [(low: MaskColour, high: MaskColour)] = [
    (0x440154, 0xFDE725),  // viridis
    (0x0D0887, 0xF0F921),  // plasma
    (0x00224E, 0xFEE838),  // cividis
    (0x000080, 0x800000),  // jet
    (0x30123B, 0x7A0403),  // turbo
    (0x3B4CC0, 0xB40426),  // coolwarm
    (0x3E26A8, 0xF9FB15),  // parula
    (0x1F77B4, 0x17BECF),  // tab10
  ].map { (colour($0), colour($1)) }

  private static func colour(_ rgb: Int) -> MaskColour {
    MaskColour(red: Float(rgb >> 16), green: Float(rgb >> 8 & 255), blue: Float(rgb & 255))
  }
}
