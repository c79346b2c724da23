import CKernels

/// A map that is added to every image's, such as a position embedding.
package struct ConstantMap: Operation {
  package let shape: Shape
  /// [channel][row][column]
  package let values: [Float]
  /// Whether it is interpolated (bicubic) for maps of another size; else those are refused.
  package let isInterpolated: Bool

  package init(shape: Shape, values: [Float], isInterpolated: Bool = false) {
    precondition(values.count == shape.channels * shape.height * shape.width)
    (self.shape, self.values, self.isInterpolated) = (shape, values, isInterpolated)
  }
}
