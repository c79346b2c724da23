/// A mask whose indices into a palette are labels: 0 is the ground, whatever colours there are.
struct LabelPalette {
  private let indices: [UInt8]
  private let labels: [Int]

  /// nil: there is no palette, or a program chose its order, so that its colours tell more, or
  /// they are greys.
  init?(_ samples: MaskSamples) {
    guard let (colours, indices) = samples.palette else { return nil }
    var counts = [Int](repeating: 0, count: 256)
    for index in indices { counts[Int(index)] += 1 }
    let used = counts.indices.filter { counts[$0] > 0 }
    func colour(_ index: Int) -> MaskColour {
      guard index < colours.count else { return .black }
      let parts = colours[index]
      return MaskColour(red: parts[0], green: parts[1], blue: parts[2])
    }
    // Programs that reduce pictures to a palette put anything first.
    let isOrdered = samples.format != .gif && !used.contains { colour($0).isBlack || colour($0).isWhite }
    let areAlike = Set(used.map { colour($0).code }).count < used.count
    if samples.isGrey, !areAlike { return nil }
    guard colour(0).isBlack || isOrdered || areAlike else { return nil }
    if used.count > 32 {
      let same = zip(indices, indices.dropFirst()).count { $0 == $1 }
      if 10 * same < 7 * indices.count { return nil }
    }
    self.indices = indices
    labels = used.filter { $0 > 0 }
  }

  func read() -> GreyMask.Reading {
    (indices.map { $0 > 0 ? 1 : 0 }, labels.count > 1 ? [LabelText.all(labels)] : [])
  }
}
