import CRTool

/// A view of an image that the host owns: interleaved floats, sRGB in 0...1. See `rtool_image`.
///
/// Copying the view does not copy the pixels. It must not be kept after the run.
public struct Image {
  public let pointer: UnsafeMutablePointer<rtool_image>

  package init(_ pointer: UnsafePointer<rtool_image>) {
    self.pointer = UnsafeMutablePointer(mutating: pointer)
  }

  public var width: Int { Int(pointer.pointee.width) }
  public var height: Int { Int(pointer.pointee.height) }
  public var channels: Int { Int(pointer.pointee.channels) }
  /// Floats from one row to the next.
  public var stride: Int { Int(pointer.pointee.stride) }
  public var bounds: Box { Box(x: 0, y: 0, width: width, height: height) }

  /// The first float of row `y`. Writing is allowed for images that the task made.
  public func row(_ y: Int) -> UnsafeMutablePointer<Float> { pointer.pointee.data + y * stride }

  /// Mean over pixels and channels of the squared difference to an image of the same size and channels.
  public func meanSquaredDifference(to other: Image) -> Double {
    var sum = 0.0
    for y in 0..<height {
      let (p, q) = (row(y), other.row(y))
      for i in 0..<channels * width {
        let difference = Double(p[i] - q[i])
        sum += difference * difference
      }
    }
    return sum / Double(channels * width * height)
  }

  /// Gives every pixel the value of `function` at (x, y, channel).
  public func fill(_ function: (Int, Int, Int) -> Float) {
    for y in 0..<height {
      let row = row(y)
      for x in 0..<width {
        for channel in 0..<channels { row[x * channels + channel] = function(x, y, channel) }
      }
    }
  }
}

/// Features of one image that the host owns; element (c, y, x) is `data[(c * height + y) * width + x]`.
public struct Features {
  public let channels, height, width: Int
  public let data: UnsafeMutablePointer<Float>
  public var count: Int { channels * height * width }
  public var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: data, count: count)
  }

  init(_ tensor: rtool_tensor) {
    (channels, height, width) = (Int(tensor.channels), Int(tensor.height), Int(tensor.width))
    data = tensor.data
  }

  var bridged: rtool_tensor {
    rtool_tensor(channels: Int32(channels), height: Int32(height), width: Int32(width), data: data)
  }
}
