import CKernels

/// weight[c] · (x[c] − m) / √(v + epsilon) + bias[c], m and v being the mean and the variance over the channels of a group
/// and all positions (Wu, He, arXiv 1803.08494). One group: layer normalisation of whole maps; as many as channels:
/// instance normalisation.
package struct GroupNormalization: Operation {
  package let groups: Int
  package let weight, bias: [Float]
  package let epsilon: Float

  /// - Precondition: the groups divide the channels.
  package init(groups: Int, weight: [Float], bias: [Float], epsilon: Float) {
    precondition(groups > 0 && weight.count % groups == 0 && weight.count == bias.count)
    (self.groups, self.weight, self.bias, self.epsilon) = (groups, weight, bias, epsilon)
  }
}
