import RTool

extension Image {
  /// The mean of each of the three colours over all pixels; what is transparent counts as little as it shows.
  var meanColor: [Float] {
    var sums = [0.0, 0.0, 0.0]
    var total = 0.0
    for y in 0..<height {
      let row = row(y)
      for x in 0..<width {
        let pixel = row + x * channels
        let weight = channels == 4 ? Double(pixel[3]) : 1
        for c in 0..<3 { sums[c] += weight * Double(pixel[c]) }
        total += weight
      }
    }
    return sums.map { total > 0 ? Float($0 / total) : 0.5 }
  }
}
