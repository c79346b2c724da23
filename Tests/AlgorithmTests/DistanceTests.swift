import InpaintAlgorithms
import Testing

/// City-block distances, held against the nearest of all pixels.
@Suite struct DistanceTests {
  @Test(arguments: [(false, false), (true, false), (false, true), (true, true)])
  func distancesAreThoseOfTheNearest(_ across: Bool, _ down: Bool) {
    let (width, height) = (23, 17)
    for members in [[], [5], [3 * 23 + 21, 16 * 23], Array(stride(from: 0, to: 23 * 17, by: 41))] {
      let found = Distance.toNearest(width: width, height: height, wraps: (across, down)) {
        members.contains($0)
      }
      for index in 0..<width * height {
        let distances = members.map { member in
          let (dx, dy) = (abs(index % width - member % width), abs(index / width - member / width))
          return (across ? min(dx, width - dx) : dx) + (down ? min(dy, height - dy) : dy)
        }
        if let nearest = distances.min() {
          #expect(found[index] == nearest)
        } else {
          #expect(found[index] >= width + height)
        }
      }
    }
  }
}
