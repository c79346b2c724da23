/// A classifier read from a checkpoint: its facts, and all that is computed with it. May be used on several threads at
/// once. The same input gives the same bytes, whatever the number of threads.
public final class Classifier: Sendable {
  public let facts: ModelFacts

  /// Reads a safetensors file.
  /// - Throws: `CheckpointError`
  public init(contentsOf path: String) throws { fatalError() }

  /// Reads safetensors from memory.
  /// - Parameter name: of the model, for facts and errors.
  /// - Throws: `CheckpointError`
  public init(bytes: UnsafeRawBufferPointer, name: String) throws { fatalError() }

  /// The facts of a checkpoint, from its header alone.
  /// - Throws: `CheckpointError`
  public static func facts(ofFile path: String) throws -> ModelFacts { fatalError() }

  /// - Returns: [count][classes].
  public func logits(_ images: ImageBatch) throws -> [Float] { fatalError() }

  /// - Parameter layer: a name from `facts.layers`; nil: the representation.
  public func features(_ images: ImageBatch, layer: String? = nil) throws -> FeatureMap { fatalError() }

  /// The loss of each image, and its gradient in the pixels if asked for.
  /// - Parameter passReLU: the last ReLU before pooling passes its gradient unchanged.
  public func evaluate(
    _ objective: Objective, at images: ImageBatch, gradient: Bool = true, passReLU: Bool = false
  ) throws -> (losses: [Double], gradient: ImageBatch?) { fatalError() }

  /// Follows the gradient of the objective downwards from the start.
  /// - Parameter progress: is told of each step; false stops. Stopping is no error.
  /// - Throws: `RuntimeError`, or what a custom term threw.
  public func ascend(
    from start: ImageBatch, objective: Objective, settings: AscentSettings,
    progress: (AscentProgress) -> Bool = { _ in true }
  ) throws -> AscentOutcome { fatalError() }

  /// A sample of the seed distribution of a class, mean + Σ z factor with z normal, clamped to 0...1, at its own
  /// resolution: planar, [3][side][side]. Nil: the model has none, or no such class.
  public func seed(ofClass index: Int, seed: UInt64, stream: UInt64) -> (side: Int, pixels: [Float])? {
    fatalError()
  }
}
