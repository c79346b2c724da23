import Imaging

/// The recorded iterates of a run as an animation of a few seconds.
struct RecordedFrames {
  private let frames: [Recorder.Frame]

  /// nil: none were recorded.
  init?(_ recorder: Recorder) {
    if recorder.frames.isEmpty { return nil }
    frames = recorder.frames
  }

  func animation() throws -> Animation {
    let first = frames[0].image
    // About four seconds; the start and the end are held.
    let usual = min(max(4000 / frames.count, 60), 160)
    return try Animation(
      frames.enumerated().map { index, frame in
        let held = index == 0 ? 500 : index == frames.count - 1 ? 1500 : usual
        return (try ResultImage.fresh(fitted(frame.image, width: first.width, height: first.height)), held)
      })
  }

  /// In the middle of white, where the shape is another.
  private func fitted(_ image: Thumbnail, width: Int, height: Int) throws -> FloatImage {
    let picture = image.image
    if (image.width, image.height) == (width, height) { return picture }
    let factor = min(Double(width) / Double(image.width), Double(height) / Double(image.height))
    func scaled(_ size: Int, _ most: Int) -> Int {
      min(most, max(1, Int((Double(size) * factor).rounded())))
    }
    let (across, down) = (scaled(image.width, width), scaled(image.height, height))
    var canvas = Canvas(width: width, height: height, Colour(0xFFFFFF))
    canvas.draw(
      try picture.resized(width: across, height: down, kernel: .cubic), x: (width - across) / 2,
      y: (height - down) / 2)
    return canvas.image
  }
}
