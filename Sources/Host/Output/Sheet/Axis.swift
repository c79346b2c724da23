import Glibc

/// The values along one side of a plot.
struct Axis {
  let isLogarithmic: Bool
  /// The ends, as logarithms where the axis is logarithmic.
  private let low, high: Double

  init(from low: Double, to high: Double) {
    isLogarithmic = false
    (self.low, self.high) = (low, max(high, low + 1e-12))
  }

  /// Logarithmic where the values are positive and go over more than a decade; with some room at both ends.
  /// nil: there are no values.
  init?(spanning values: [Double]) {
    guard let least = values.min(), let most = values.max() else { return nil }
    isLogarithmic = least > 0 && most / least > 20
    let (from, to) = isLogarithmic ? (log10(least), log10(most)) : (least, most)
    let room = to > from ? 0.06 * (to - from) : max(abs(to) * 0.1, 1e-6)
    (low, high) = (from - room, to + room)
  }

  /// 0 at one end, 1 at the other.
  func position(of value: Double) -> Double {
    ((isLogarithmic ? log10(value) : value) - low) / (high - low)
  }

  /// Round values inside, about so many.
  func ticks(about count: Int) -> [Double] {
    if isLogarithmic {
      let decades = decades(times: [1])
      if decades.count > 2 * count {
        return stride(from: 0, to: decades.count, by: decades.count / count).map { decades[$0] }
      }
      return decades.count >= 3 ? decades : self.decades(times: [1, 2, 5])
    }
    let rough = (high - low) / Double(count)
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    return stride(from: (low / step).rounded(.up), through: (high / step).rounded(.down), by: 1)
      .map { $0 * step }
  }

  private func decades(times factors: [Double]) -> [Double] {
    var ticks: [Double] = []
    for exponent in Int(floor(low))...Int(ceil(high)) {
      for factor in factors {
        let tick = factor * pow(10, Double(exponent))
        if (low...high).contains(log10(tick)) { ticks.append(tick) }
      }
    }
    return ticks
  }
}

/// A number with at most three significant digits.
func significant(_ number: Double) -> String {
  guard number != 0, number.isFinite else { return numberText(number.isFinite ? 0 : number) }
  let digits = 2 - Int(floor(log10(abs(number))))
  let power = pow(10, Double(abs(digits)))
  let rounded = digits < 0 ? (number / power).rounded() * power : (number * power).rounded() / power
  return numberText(rounded).replacing("e-0", with: "e-")
}
