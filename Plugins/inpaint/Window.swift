import InpaintAlgorithms
import RTool

/// A part of the photo that is worked on at once: a group of holes with their surroundings.
struct Window {
  /// Its place in the photo.
  let box: Box
  /// Colours, three planes; in the hole whatever the last stage put there.
  var colors: Planes
  /// Pixels that are not known yet.
  var hole: [Bool]
  /// Whether it is all of a photo that wraps, across and down: what lies beyond its border is then at its other side.
  let wraps: (across: Bool, down: Bool)
  /// How much of the fill each known pixel makes up; nil: the fill was not made of known pixels.
  var usage: [Float]?

  /// - Parameter filled: pieces that lie over the photo; what they fill is known.
  init(box: Box, of photo: Image, hole: Hole, filled: [Piece]) {
    self.box = box
    colors = Planes(width: box.width, height: box.height, channels: 3)
    self.hole = hole.pixels(in: box)
    wraps = (hole.wraps && box.width == hole.width, hole.wraps && box.height == hole.height)
    let area = colors.area
    for y in 0..<box.height {
      let row = photo.row(wrapped(box.y + y, photo.height))
      for x in 0..<box.width {
        let pixel = row + wrapped(box.x + x, photo.width) * photo.channels
        for channel in 0..<3 { colors.samples[channel * area + y * box.width + x] = pixel[channel] }
      }
    }
    for piece in filled {
      for place in piece.box.copies(hole) where place.intersects(box) { adopt(piece, at: place) }
    }
  }

  private mutating func adopt(_ piece: Piece, at place: Box) {
    let area = colors.area
    for y in max(box.y, place.y)..<min(box.maxY, place.maxY) {
      let row = piece.image.row(y - place.y)
      for x in max(box.x, place.x)..<min(box.maxX, place.maxX) {
        guard piece.isFilled[(y - place.y) * place.width + x - place.x] else { continue }
        let index = (y - box.y) * box.width + x - box.x
        for channel in 0..<3 {
          colors.samples[channel * area + index] = row[(x - place.x) * piece.image.channels + channel]
        }
        hole[index] = false
      }
    }
  }
}

/// A finished part of the result.
struct Piece {
  let box: Box
  let image: Image
  /// Which of its pixels were in the hole.
  let isFilled: [Bool]

  /// The part `box` of a window whose hole is filled, blended with the photo by the hole's weights. Pixels of weight 0
  /// are the photo's own; filled ones are opaque.
  /// - Parameter isPremultiplied: whether the photo's colours are multiplied by its alpha.
  init(
    _ box: Box, of window: Window, over photo: Image, isPremultiplied: Bool, hole: Hole, host: Host
  ) throws {
    self.box = box
    image = try host.cropped(wrapping: photo, to: box)
    isFilled = hole.pixels(in: box)
    let area = window.colors.area
    for y in 0..<box.height {
      let row = image.row(y)
      for x in 0..<box.width {
        let weight = hole.weight(box.x + x, box.y + y)
        guard weight > 0 else { continue }
        let index = (box.y + y - window.box.y) * window.box.width + box.x + x - window.box.x
        for channel in 0..<3 {
          var value = row[x * image.channels + channel]
          if isPremultiplied, row[4 * x + 3] > 0 { value = min(value / row[4 * x + 3], 1) }
          let filled = window.colors.samples[channel * area + index]
          row[x * image.channels + channel] = value + weight * (filled - value)
        }
        if image.channels == 4 { row[4 * x + 3] += (hole.isOpaque ? 1 : weight) * (1 - row[4 * x + 3]) }
      }
    }
  }
}

extension Piece {
  /// Its parts within the photo. Of one that reaches over the border of a photo that wraps there are several.
  func parts(within hole: Hole, _ host: Host) throws -> [(image: Image, x: Int, y: Int)] {
    let photo = Box(x: 0, y: 0, width: hole.width, height: hole.height)
    return try box.copies(hole).filter { $0.intersects(photo) }.map { place in
      let part = place.clipped(width: hole.width, height: hole.height)
      if part == place { return (image, part.x, part.y) }
      return (try host.cropped(image, to: part.moved(-place.x, -place.y)), part.x, part.y)
    }
  }
}

extension Box {
  /// Where the box lies in a photo and, if that wraps, in the copies around it.
  fileprivate func copies(_ hole: Hole) -> [Box] {
    let shifts = hole.wraps ? [-1, 0, 1] : [0]
    return shifts.flatMap { v in shifts.map { moved($0 * hole.width, v * hole.height) } }
  }
}

extension Window {
  /// The colours of a part of the window, beyond its border those at its other side or mirrored.
  func image(_ part: Box, _ host: Host) throws -> Image {
    guard
      wraps.across && (part.x < 0 || part.maxX > box.width)
        || wraps.down && (part.y < 0 || part.maxY > box.height)
    else { return try colors.image(host, box: part) }
    // Where it wraps in one direction alone it is mirrored in the other first.
    var inside = part
    if wraps.across { (inside.x, inside.width) = (0, box.width) }
    if wraps.down { (inside.y, inside.height) = (0, box.height) }
    let whole = try colors.image(host, box: inside)
    return try host.cropped(wrapping: whole, to: part.moved(-inside.x, -inside.y))
  }

  /// The part of a box that there are pixels for.
  func clipped(_ part: Box) -> Box {
    let clipped = part.clipped(width: box.width, height: box.height)
    let most = part.noLarger(than: (box.width, box.height))
    return Box(
      x: wraps.across ? most.x : clipped.x, y: wraps.down ? most.y : clipped.y,
      width: wraps.across ? most.width : clipped.width, height: wraps.down ? most.height : clipped.height)
  }

  /// Takes over the colours of an image laid at `part` where its mask is not 0.
  mutating func adopt(_ image: Image, at part: Box, where mask: Image) {
    let area = colors.area
    for y in 0..<part.height {
      let (row, weights) = (image.row(y), mask.row(y))
      for x in 0..<part.width where weights[x] > 0 {
        guard let index = index(part.x + x, part.y + y) else { continue }
        for channel in 0..<3 { colors.samples[channel * area + index] = row[3 * x + channel] }
      }
    }
  }

  /// The index of a pixel of the window; nil: it lies beyond its border.
  func index(_ x: Int, _ y: Int) -> Int? {
    let u = wraps.across ? wrapped(x, box.width) : x
    let v = wraps.down ? wrapped(y, box.height) : y
    return (0..<box.width).contains(u) && (0..<box.height).contains(v) ? v * box.width + u : nil
  }
}

extension Planes {
  /// A part as an interleaved image of three channels of the host's, mirrored beyond the border; nil: all of it.
  func image(_ host: Host, box: Box? = nil) throws -> Image {
    let whole = Box(x: 0, y: 0, width: width, height: height)
    let inside = (box ?? whole).clipped(width: width, height: height)
    let image = try host.image(width: inside.width, height: inside.height, channels: 3)
    let area = area
    samples.withUnsafeBufferPointer { samples in
      for y in 0..<inside.height {
        let row = image.row(y)
        let at = (inside.y + y) * width + inside.x
        for x in 0..<inside.width {
          for channel in 0..<3 { row[3 * x + channel] = samples[channel * area + at + x] }
        }
      }
    }
    guard let box, box != inside else { return image }
    return try host.cropped(
      image, to: Box(x: box.x - inside.x, y: box.y - inside.y, width: box.width, height: box.height))
  }
}
