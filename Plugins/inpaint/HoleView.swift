import InpaintAlgorithms
import RTool

/// Shows those who watch how the hole of a window is filled. What is known around it stays as sharp as it is.
struct HoleView {
  private let host: Host
  /// What is shown, in the photo.
  private let place: Box
  private let picture: Image
  /// The pixels of the picture that are filled, with the places of their middles in the window.
  private let filled: [Pixel]

  private struct Pixel {
    let x, y: Int
    let window: (x: Int, y: Int)
  }

  /// Nobody sees more pixels along a side.
  private static let longestSide = 512

  /// nil: nobody watches.
  init?(_ window: Window, _ host: Host) throws {
    let (width, height) = (window.box.width, window.box.height)
    let whole = Box(x: 0, y: 0, width: width, height: height)
    guard host.isWatched, let bounds = Box(boundsOf: { window.hole[$0] }, in: whole, stride: width) else {
      return nil
    }
    let reduction = (max(bounds.width, bounds.height) + Self.longestSide - 1) / Self.longestSide
    func reduced(_ length: Int) -> Int { (length + reduction - 1) / reduction }
    picture = try host.image(width: reduced(bounds.width), height: reduced(bounds.height), channels: 3)
    var filled: [Pixel] = []
    for y in 0..<picture.height {
      let row = picture.row(y)
      for x in 0..<picture.width {
        let u = min(bounds.x + x * reduction + reduction / 2, width - 1)
        let v = min(bounds.y + y * reduction + reduction / 2, height - 1)
        if window.hole[v * width + u] { filled.append(Pixel(x: x, y: y, window: (u, v))) }
        for c in 0..<3 { row[3 * x + c] = window.colors.samples[(c * height + v) * width + u] }
      }
    }
    place = Box(
      x: window.box.x + bounds.x, y: window.box.y + bounds.y, width: picture.width * reduction,
      height: picture.height * reduction)
    (self.host, self.filled) = (host, filled)
  }

  /// Shows a draft where that takes little beside the rounds that it comes from: the first of each resolution, and every one
  /// of the finer ones.
  func show(_ draft: Draft) {
    guard draft.round == 0 || 8 * draft.count >= filled.count else { return }
    show { draft.color(x: Float($0) + 0.5, y: Float($1) + 0.5) }
  }

  /// Shows what a stage made of the window's colours.
  func show(_ colors: Planes) {
    show { x, y in
      let i = y * colors.width + x
      return SIMD3(colors.samples[i], colors.samples[colors.area + i], colors.samples[2 * colors.area + i])
    }
  }

  private func show(_ color: (Int, Int) -> SIMD3<Float>) {
    for pixel in filled {
      let (row, color) = (picture.row(pixel.y) + 3 * pixel.x, color(pixel.window.x, pixel.window.y))
      for c in 0..<3 { row[c] = color[c] }
    }
    host.show(picture, at: place)
  }
}
