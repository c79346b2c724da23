import CKernels

extension FeatureMap {
  /// The map itself, which a model computed.
  /// - Throws: `RuntimeError.notFinite` where it overflowed, with the model's name.
  func finite(of model: ModelFacts) throws -> FeatureMap {
    guard rt_all_finite(values, values.count) else {
      throw RuntimeError.notFinite(
        "the model \(model.name.quoted) yields values that are NaN or infinite; use another")
    }
    return self
  }
}
