import CKernels

/// The mean of each window.
package struct AveragePool: Operation {
  package let window: PoolWindow
  /// Whether the zeros of the padding are counted.
  package let countsPadding: Bool

  package init(_ window: PoolWindow, countsPadding: Bool) {
    (self.window, self.countsPadding) = (window, countsPadding)
  }
}
