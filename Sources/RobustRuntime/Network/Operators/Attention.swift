import CKernels

/// softmax(scale · qᵀk) v for each head (Vaswani et al., arXiv 1706.03762): queries, keys and values are maps of
/// heads · depth channels, each head's side by side, and tokens are positions.
package struct Attention: Operation {
  package let heads: Int
  package let scale: Float

  package init(heads: Int, scale: Float) { (self.heads, self.scale) = (heads, scale) }
}
