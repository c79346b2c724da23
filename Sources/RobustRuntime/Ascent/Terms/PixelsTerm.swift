/// The mean over pixels and channels of (region · (x − target))².
struct PixelsTerm: TermEvaluator {
  let weight: Double
  let target: ImageBatch
  let region: Region?

  var values: [Int] { [] }

  func evaluate(_ point: borrowing Point, _ losses: inout [Double]) {
    let area = point.area
    for n in point.images {
      let (which, place) = (target.count == 1 ? 0 : n, region?.count == 1 ? 0 : n)
      let scale = weight / Double(3 * area)
      target.pixels.withUnsafeBufferPointer { target in
        for c in 0..<3 {
          let x = point.pixels + (3 * n + c) * area
          let goal = target.baseAddress! + (3 * which + c) * area
          let gradient = point.pixelGradient.map { $0 + (3 * n + c) * area }
          var sum = 0.0
          func add(_ i: Int, _ mask: Float) {
            let difference = mask * (x[i] - goal[i])
            sum += Double(difference) * Double(difference)
            if let gradient { gradient[i] += Float(2 * scale) * mask * difference }
          }
          if let region {
            region.values.withUnsafeBufferPointer { values in
              for i in 0..<area { add(i, values[place * area + i]) }
            }
          } else {
            for i in 0..<area { add(i, 1) }
          }
          losses[n] += scale * sum
        }
      }
    }
  }
}
