extension Host {
  /// The classes to go towards; nil: none. What `auto` finds in the image is recorded.
  public func classes(_ choice: ClassChoice, for image: Image) throws -> [WeightedClass]? {
    switch choice {
    case .none: return nil
    case .mixture(let mixture): return mixture
    case .auto:
      // One class: the cross-entropy to the prediction itself would hardly have a gradient.
      let best = try prediction(image).best
      record("class", model.classes[best])
      return [WeightedClass(index: Int32(best), weight: 1)]
    }
  }
}
