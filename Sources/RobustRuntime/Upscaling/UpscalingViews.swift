import Glibc
import PixelGrid

/// Random squares of photos, and what is left of them when they are reduced: pairs to learn enlarging from.
///
/// Each is a pure function of photo, seed and index. Colours are gamma-encoded sRGB in 0...1.
package struct UpscalingViews: Sendable {
  /// Pixels along a side of the large image.
  package let side: Int
  private let crops: [Crop]
  private let reductions: [Int: Pair]

  /// A square of a photo is brought to the side. So what a file's compression did to single pixels is hardly seen.
  private struct Crop: Sendable {
    let side: Int
    let reduction: Reduction
  }

  private struct Pair: Sendable { let down, up: Reduction }

  /// How many times as large the squares are.
  private static let scales: ClosedRange<Double> = 1.25...1.5
  private static let cropCount = 7

  /// - Precondition: the side is a multiple of every factor.
  package init(side: Int, factors: [Int]) {
    precondition(factors.allSatisfy { side % $0 == 0 })
    self.side = side
    func reduction(_ from: Int, _ to: Int) -> Reduction {
      Reduction(height: from, width: from, toHeight: to, toWidth: to, filter: .cubic, sigma: 0)
    }
    crops = (0..<Self.cropCount).map { k in
      let share = Double(k) / Double(Self.cropCount - 1)
      let scale = Self.scales.lowerBound + share * (Self.scales.upperBound - Self.scales.lowerBound)
      let from = Int((Double(side) * scale).rounded())
      return Crop(side: from, reduction: reduction(from, side))
    }
    reductions = Dictionary(
      uniqueKeysWithValues: factors.map { factor in
        (factor, Pair(down: reduction(side, side / factor), up: reduction(side / factor, side)))
      })
  }

  /// Pixels of the shorter side that a photo needs.
  package var smallest: Int { crops[0].side }

  /// Writes the large image, planar [3][side][side].
  /// - Parameter isPlain: whether it is the middle of the photo, as measuring wants it, rather than a random place.
  package func large(
    of photo: PhotoBytes, seed: UInt64, index: Int, isPlain: Bool = false, to out: UnsafeMutablePointer<Float>
  ) {
    let random = Philox(seed: seed, stream: 0x7669_6577 << 32).words(UInt64(index))
    let shorter = min(photo.width, photo.height)
    let usable = crops.prefix { $0.side <= shorter }
    let crop = isPlain ? usable.last! : usable[Int(random.x) % usable.count]
    func offset(_ free: Int, _ word: UInt32) -> Int {
      isPlain ? free / 2 : Int((UInt64(word) * UInt64(free + 1)) >> 32)
    }
    let left = offset(photo.width - crop.side, random.y)
    let top = offset(photo.height - crop.side, random.z)
    let turn = isPlain ? 0 : Int(random.w >> 29)
    let plane = Buffer(crop.side * crop.side)
    for c in 0..<3 {
      for y in 0..<crop.side {
        let from = photo.pixels + 3 * ((top + y) * photo.width + left) + c
        let row = turn & 1 == 0 ? y : crop.side - 1 - y
        for x in 0..<crop.side {
          let column = turn & 2 == 0 ? x : crop.side - 1 - x
          let place = turn & 4 == 0 ? row * crop.side + column : column * crop.side + row
          plane.base[place] = Float(from[3 * x]) * (1 / 255)
        }
      }
      let to = out + c * side * side
      crop.reduction.apply(plane.base, to: to)
      for i in 0..<side * side { to[i] = min(max(to[i], 0), 1) }
    }
  }

  /// Writes the image reduced by a factor, in steps of 8 bits as files have them, planar [3][side / factor][side / factor].
  package func reduce(_ large: UnsafePointer<Float>, by factor: Int, to small: UnsafeMutablePointer<Float>) {
    let length = side / factor
    for c in 0..<3 {
      let to = small + c * length * length
      reductions[factor]!.down.apply(large + c * side * side, to: to)
      for i in 0..<length * length { to[i] = (min(max(to[i], 0), 1) * 255).rounded() / 255 }
    }
  }

  /// Writes the cubic enlargement of a reduced image, planar [3][side][side].
  package func enlarge(_ small: UnsafePointer<Float>, by factor: Int, to large: UnsafeMutablePointer<Float>) {
    let length = side / factor
    for c in 0..<3 {
      reductions[factor]!.up.apply(small + c * length * length, to: large + c * side * side)
    }
  }
}
