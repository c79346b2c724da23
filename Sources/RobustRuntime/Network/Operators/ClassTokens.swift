import CKernels

/// Constant tokens before the positions of a map, such as a class token.
package struct ClassTokens: Operation {
  /// [token][channel]
  package let values: [[Float]]

  package init(values: [[Float]]) { self.values = values }
}
