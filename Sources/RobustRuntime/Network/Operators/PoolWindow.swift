import CKernels

/// A window that slides over a map.
package struct PoolWindow: Sendable, Equatable {
  package var height, width: Int
  package var strideY, strideX: Int
  package var padding: Padding
  /// Whether a last window that reaches beyond the bottom or the right is kept, as long as it begins within the map or
  /// the padding before it.
  package var ceil: Bool

  /// - Precondition: the sizes and strides are positive, and the padding is less than the size.
  package init(
    height: Int, width: Int, strideY: Int, strideX: Int, padding: Padding = Padding(0), ceil: Bool = false
  ) {
    precondition(height > 0 && width > 0 && strideY > 0 && strideX > 0)
    precondition(max(padding.top, padding.bottom) < height && max(padding.left, padding.right) < width)
    (self.height, self.width, self.strideY, self.strideX) = (height, width, strideY, strideX)
    (self.padding, self.ceil) = (padding, ceil)
  }

  /// A square window.
  package init(size: Int, stride: Int, pad: Int = 0, ceil: Bool = false) {
    self.init(
      height: size, width: size, strideY: stride, strideX: stride, padding: Padding(pad), ceil: ceil)
  }

  /// The positions of the window on a map: PyTorch's and ONNX's rule.
  package func outputSize(height: Int, width: Int) -> (height: Int, width: Int) {
    func count(_ extent: Int, _ size: Int, _ stride: Int, _ before: Int, _ after: Int) -> Int {
      let room = extent + before + after - size
      guard room >= 0 || ceil else { return 0 }
      let count = (ceil ? room + stride - 1 : room) / stride + 1
      return ceil && (count - 1) * stride >= extent + before ? count - 1 : count
    }
    return (
      count(height, self.height, strideY, padding.top, padding.bottom),
      count(width, self.width, strideX, padding.left, padding.right)
    )
  }
}

extension PoolWindow {
  func outputShape(of input: Shape) -> Shape {
    let size = outputSize(height: input.height, width: input.width)
    return Shape(channels: input.channels, height: size.height, width: size.width)
  }

  func pool(images: Int, from input: Shape, to output: Shape) -> rt_pool {
    rt_pool(
      images: images, height: Int32(input.height), width: Int32(input.width),
      out_height: Int32(output.height), out_width: Int32(output.width), size_y: Int32(height),
      size_x: Int32(width), stride_y: Int32(strideY), stride_x: Int32(strideX), top: Int32(padding.top),
      left: Int32(padding.left))
  }
}
