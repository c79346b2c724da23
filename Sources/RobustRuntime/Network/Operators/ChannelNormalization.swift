import CKernels

/// weight[c] · (x[c] − m) / √(v + epsilon) + bias[c], m and v being the mean and the variance of the channels at a
/// position: layer normalisation (Ba et al., arXiv 1607.06450) of tokens, or of each position of a map.
package struct ChannelNormalization: Operation {
  package let weight, bias: [Float]
  package let epsilon: Float

  package init(weight: [Float], bias: [Float], epsilon: Float) {
    (self.weight, self.bias, self.epsilon) = (weight, bias, epsilon)
  }
}
