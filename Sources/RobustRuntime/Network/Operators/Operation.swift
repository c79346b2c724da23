/// What a step of a network computes: forward, and backward the gradient of its inputs from that of its
/// output.
protocol Operation: Sendable {
  func outputShape(of inputs: [Shape]) -> Shape
  /// Whether `backward`, or in training `addParameterGradients`, reads the value of this input.
  func backwardReads(input: Int, training: Bool) -> Bool
  /// Whether the gradient of the second input, if there is one, is the output's.
  var passesGradientToSecondInput: Bool { get }
  /// Whether the gradient of the first input may be written over its value, if nothing else reads that.
  var gradientReplacesInput: Bool { get }
  /// Whether the output can be recomputed from the inputs, so that it need not be kept for weight gradients.
  var canRecompute: Bool { get }
  /// How lists of steps call it.
  var title: String { get }
  /// The products of one value of the output, by the plain algorithm.
  var productsPerOutput: Int { get }
  var weightCount: Int { get }
  /// Binds the operation to tensors, and settles all that depends on their shapes.
  /// - Throws: `RuntimeError.outOfMemory`
  func bound(to inputs: [Tensor], _ output: Tensor, gradient: Bool) throws -> any BoundOperation
}

extension Operation {
  func backwardReads(input: Int, training: Bool) -> Bool { false }
  var passesGradientToSecondInput: Bool { false }
  var gradientReplacesInput: Bool { false }
  var canRecompute: Bool { false }
  var title: String { "\(type(of: self))".lowercased() }
  var productsPerOutput: Int { 0 }
  var weightCount: Int { 0 }
}

/// An operation on tensors of known shapes.
protocol BoundOperation {
  /// Floats of scratch memory needed by each worker.
  var scratch: Int { get }
  /// Floats of scratch memory needed once.
  var sharedScratch: Int { get }
  /// Writes the output's value, with an activation.
  func forward(_ activation: Activation, scratch: Scratch)
  /// Adds to the gradients of the inputs, or writes them where nothing was written yet. The output's gradient
  /// is already that before the ReLU.
  /// - Parameter maskInput: the first input comes from a ReLU and nothing else will be added to its gradient,
  ///   so that it may be made that before the ReLU; an operation that does so sets `gradientIsMasked`.
  func backward(maskInput: Bool, scratch: Scratch)
  /// Adds to the gradients of the operation's parameters.
  func addParameterGradients(scratch: Scratch)
  /// `addParameterGradients`, then `backward`.
  func trainingBackward(maskInput: Bool, scratch: Scratch)
  /// Writes the output's value once more, with an activation, where `canRecompute` allows it.
  func recompute(_ activation: Activation, to value: UnsafeMutablePointer<Float>)
}

extension BoundOperation {
  var sharedScratch: Int { 0 }
  func addParameterGradients(scratch: Scratch) {}
  func trainingBackward(maskInput: Bool, scratch: Scratch) {
    addParameterGradients(scratch: scratch)
    backward(maskInput: maskInput, scratch: scratch)
  }
  func recompute(_ activation: Activation, to value: UnsafeMutablePointer<Float>) {
    preconditionFailure("it cannot be recomputed")
  }
}

/// Memory that each worker has for itself, and some that they share.
struct Scratch {
  let shared: UnsafeMutablePointer<Float>
  let base: UnsafeMutablePointer<Float>
  let stride: Int
  subscript(worker: Int) -> UnsafeMutablePointer<Float> { base + worker * stride }
}
