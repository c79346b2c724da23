import CKernels

/// Keeps images in their constraint set and in 0...1, and frozen pixels as they were.
struct Projection {
  private let set: ConstraintSet
  private let start, centre: ImageBatch
  private let free: Region?
  /// [image]: the part of ‖x − centre‖² that frozen pixels make, which cannot be changed.
  private let frozenSquares: [Double]

  init(_ set: ConstraintSet, start: ImageBatch, centre: ImageBatch, free: Region?) {
    (self.set, self.start, self.centre, self.free) = (set, start, centre, free)
    let area = start.height * start.width
    frozenSquares = (0..<start.count).map { n in
      guard let free else { return 0 }
      var sum = 0.0
      for i in 0..<area where free.values[(free.count == 1 ? 0 : n) * area + i] == 0 {
        for c in 0..<3 {
          let at = (3 * n + c) * area + i
          let difference = Double(start.pixels[at]) - Double(centre.pixels[at])
          sum += difference * difference
        }
      }
      return sum
    }
  }

  /// Moves image n to the nearest point of the set, then to 0...1.
  func apply(to images: inout ImageBatch, image n: Int) {
    let (size, area) = (images.stride, images.height * images.width)
    images.pixels.withUnsafeMutableBufferPointer { pixels in
      let x = pixels.baseAddress! + n * size
      centre.pixels.withUnsafeBufferPointer { centre in
        let centre = centre.baseAddress! + n * size
        switch set {
        case .box: break
        case .l2(let radius):
          let squares = rt_squared_distance(x, centre, size)
          if squares > radius * radius {
            // Only the free pixels can come nearer.
            let (own, allowed) = (squares - frozenSquares[n], radius * radius - frozenSquares[n])
            rt_scale_around(x, centre, own > 0 ? Float((max(allowed, 0) / own).squareRoot()) : 0, size)
          }
        case .linf(let radius): rt_clamp_around(x, centre, Float(radius), size)
        }
      }
      rt_clamp(x, 0, 1, size)
      guard let free else { return }
      start.pixels.withUnsafeBufferPointer { start in
        free.values.withUnsafeBufferPointer { free in
          let weights = free.baseAddress! + (self.free!.count == 1 ? 0 : n) * area
          for c in 0..<3 { rt_restore(x + c * area, start.baseAddress! + n * size + c * area, weights, area) }
        }
      }
    }
  }
}
