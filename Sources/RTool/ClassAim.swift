extension Host {
  /// The class that the model finds likeliest.
  public func likeliestClass(of image: Image) throws -> Int {
    let logits = try logits(image)
    return logits.indices.max { logits[$0] < logits[$1] } ?? 0
  }

  /// The classes to go towards; nil: none. What `auto` finds in the image is recorded.
  public func classes(_ choice: ClassChoice, for image: Image) throws -> [ClassWeight]? {
    switch choice {
    case .none: return nil
    case .mixture(let mixture): return mixture
    case .auto:
      // One class: the cross-entropy to the prediction itself would hardly have a gradient.
      let best = try likeliestClass(of: image)
      record("class", model.classes[best])
      return [ClassWeight(index: Int32(best), weight: 1)]
    }
  }
}
