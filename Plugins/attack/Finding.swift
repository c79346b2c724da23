import RTool

/// A change, as its file has it.
struct Finding {
  let values: [Float]
  /// At the model's side.
  let radius: Double
  let after: Prediction
}

/// What a file makes of values: whole multiples of its step.
struct FileValues {
  let bits: Int

  func rounded(_ values: [Float]) -> [Float] {
    let most = Float((1 << bits) - 1)
    return values.map { (min(max($0, 0), 1) * most).rounded() / most }
  }
}
