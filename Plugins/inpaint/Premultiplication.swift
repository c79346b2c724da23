import RTool

extension Image {
  /// Whether its colours are multiplied by alpha, as some programs store them: none is above alpha where alpha is partial,
  /// there are enough such pixels to tell, and the colours fall with alpha.
  /// - Precondition: 4 channels.
  var isPremultiplied: Bool {
    var (clear, dense) = (Sum(), Sum())
    for y in 0..<height {
      let row = row(y)
      for x in 0..<width {
        let alpha = row[4 * x + 3]
        guard alpha < 1 else { continue }
        let brightest = max(row[4 * x], row[4 * x + 1], row[4 * x + 2])
        // A profile, or a step of rounding.
        if brightest > alpha + 1.5 / 255 { return false }
        if alpha == 0 { continue }
        if alpha < 0.5 { clear.add(brightest) } else { dense.add(brightest) }
      }
    }
    return clear.count >= 16 && dense.count >= 16 && clear.mean < 0.75 * dense.mean
  }

  private struct Sum {
    private(set) var count = 0
    private var total: Float = 0
    var mean: Float { total / Float(max(count, 1)) }

    mutating func add(_ value: Float) {
      count += 1
      total += value
    }
  }
}
