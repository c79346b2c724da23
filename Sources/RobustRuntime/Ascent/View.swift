import PixelGrid

/// How the network sees an image at one step: moved, and enlarged about some place.
struct View: Equatable {
  /// Pixels of the seen image by which it is moved to the right and downwards.
  var x = 0, y = 0
  /// 1: as it is; less: reduced.
  var scale: Float = 1
  /// The first column and row of the image that an enlarged view shows.
  var left: Float = 0, top: Float = 0
  var boundary = Boundary.mirrored

  static let plain = View()

  /// A pixel of the view along one side: the two pixels of the image between which it lies, and the share of the
  /// second.
  struct Source {
    let first, second: Int
    let share: Float
    var nearest: Int { share > 0.5 ? second : first }
  }

  /// The columns of a view of so many, of an image of `width`.
  func columns(_ count: Int, of width: Int) -> [Source] { sources(count, of: width, move: x, from: left) }
  /// The rows of a view of so many, of an image of `height`.
  func rows(_ count: Int, of height: Int) -> [Source] { sources(count, of: height, move: y, from: top) }

  private func sources(_ count: Int, of length: Int, move: Int, from: Float) -> [Source] {
    (0..<count).map { i in
      let at = place(i, move: move, from: from)
      let floor = at.rounded(.down)
      return Source(
        first: boundary.position(Int(floor), length), second: boundary.position(Int(floor) + 1, length),
        share: at - floor)
    }
  }

  private func place(_ i: Int, move: Int, from: Float) -> Float {
    from + (Float(i - move) + 0.5) / scale - 0.5
  }

  /// The weights of the image's pixels in a pixel of the view along one side.
  typealias Taps = [(pixel: Int, weight: Float)]

  /// As `columns` and `rows`, for a view that is reduced: triangles so wide that nothing aliases.
  func columnTaps(_ count: Int, of width: Int) -> [Taps] { taps(count, of: width, move: x, from: left) }
  func rowTaps(_ count: Int, of height: Int) -> [Taps] { taps(count, of: height, move: y, from: top) }

  private func taps(_ count: Int, of length: Int, move: Int, from: Float) -> [Taps] {
    (0..<count).map { i in
      let (at, radius) = (place(i, move: move, from: from), 1 / min(scale, 1))
      let within = Int((at - radius).rounded(.up))...Int((at + radius).rounded(.down))
      let weights = within.map { max(0, 1 - abs(Float($0) - at) / radius) }
      let sum = weights.reduce(0, +)
      return zip(within, weights).map { (boundary.position($0, length), $1 / sum) }
    }
  }

  /// What this view of a view shows, `first` being how the network sees an image at all.
  func after(_ first: View) -> View {
    var view = self
    view.scale *= first.scale
    return view
  }
}

/// The random views of an ascent: `jitter` and `zoom` of its settings. Images whose borders wrap are moved to anywhere, so
/// that no place of them is more at the border of what the network sees than another.
struct Views {
  private let jitter: Int
  private let zoom: Double
  private let height, width: Int
  private let boundary: Boundary
  private let random: Philox

  /// The stream of the generator; steps and images are its counter.
  private static let stream: UInt64 = 0x6A69_7474_6572

  init(_ settings: AscentSettings, height: Int, width: Int) {
    (jitter, zoom, self.height, self.width) = (settings.jitter, settings.zoom, height, width)
    boundary = settings.boundary
    random = Philox(seed: settings.seed, stream: Views.stream)
  }

  /// One view for each image; none where all are seen as they are.
  func ofStep(_ step: Int, images: Int) -> [View] {
    guard jitter > 0 || zoom > 0 || boundary == .wrapped else { return [] }
    return (0..<images).map { n in
      let counter = 2 * (UInt64(step) << 32 | UInt64(n))
      let words = random.words(counter)
      func draw(_ word: UInt32, _ length: Int) -> Int {
        let (choices, least) = boundary == .wrapped ? (length, 0) : (2 * jitter + 1, -jitter)
        return Int((UInt64(word) * UInt64(choices)) >> 32) + least
      }
      var view = View(x: draw(words.x, width), y: draw(words.y, height), boundary: boundary)
      guard zoom > 0 else { return view }
      let more = random.words(counter + 1)
      func part(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }
      view.scale = 1 + Float(zoom) * part(words.z)
      view.left = part(more.x) * Float(width) * (1 - 1 / view.scale)
      view.top = part(more.y) * Float(height) * (1 - 1 / view.scale)
      return view
    }
  }
}
