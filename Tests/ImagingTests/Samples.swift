import Imaging


/// A deterministic picture with smooth and sharp parts, every channel different.
func picture(_ width: Int, _ height: Int, channels: Int = 3) -> FloatImage {
  var image = FloatImage(width: width, height: height, channels: channels)
  for y in 0..<height {
    for x in 0..<width {
      for channel in 0..<channels {
        let value = Float((x * (3 + channel) + y * (7 - 2 * channel) + channel * 40) % 97) / 96
        image[x, y, channel] = channel == 3 ? (x < width / 2 ? 1 : value) : value
      }
    }
  }
  return image
}
