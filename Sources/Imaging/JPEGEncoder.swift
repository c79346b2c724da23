import CJPEG
import CVips

/// libjpeg with a file whose kind is that of one that is made.
final class JPEGEncoder {
  let header: cjpeg_header
  private let pointer: OpaquePointer

  /// About so many rows are in memory at a time.
  private let stripRows = 256

  /// - Parameter bytes: the file; they must stay as long as this.
  /// nil: libjpeg is missing or cannot make files of this kind.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, let pointer = cjpeg_open(start, bytes.count) else { return nil }
    self.pointer = pointer
    header = cjpeg_header_of(pointer)
  }

  deinit { cjpeg_close(pointer) }

  /// CMYK is stored with 255 for no ink.
  private var flip: UInt8 { header.channels == 4 ? 0xFF : 0 }

  /// Hands over the data of a file of another picture.
  func picture<Result>(
    _ image: NativeImage, quality: Int?, _ use: (UnsafeBufferPointer<UInt8>) -> Result?
  ) -> Result? {
    guard cjpeg_start(pointer, Int32(image.width), Int32(image.height), Int32(quality ?? 0)) else {
      return nil
    }
    for top in stride(from: 0, to: image.height, by: stripRows) {
      let rows = min(stripRows, image.height - top)
      let strip = Area(x: 0, y: top, width: image.width, height: rows)
      guard var pixels = try? image.cropped(strip).values(UInt8.self) else { return nil }
      if flip != 0 { for index in pixels.indices { pixels[index] ^= flip } }
      guard cjpeg_add_rows(pointer, pixels, Int32(rows)) else { return nil }
    }
    var count = 0
    return cjpeg_finish(pointer, &count).flatMap { use(UnsafeBufferPointer(start: $0, count: count)) }
  }

  /// Hands over the data of the file with new blocks where `new`, upright, differs from `old`, what the file decodes to.
  func blocks<Result>(
    where new: NativeImage, isNot old: NativeImage, _ orientation: StoredOrientation,
    _ use: (UnsafeBufferPointer<UInt8>) -> Result?
  ) -> Result? {
    let (width, height) = (Int(header.width), Int(header.height))
    guard orientation.size(width, height) == (new.width, new.height), cjpeg_read_blocks(pointer) else {
      return nil
    }
    let mcuRows = Int(header.mcu_height)
    for top in stride(from: 0, to: height, by: max(stripRows / mcuRows, 1) * mcuRows) {
      let rows = min(max(stripRows / mcuRows, 1) * mcuRows, height - top)
      let area = orientation.area(top: top, rows: rows, width, height)
      guard let before = try? old.cropped(area).values(UInt8.self),
        let after = try? new.cropped(area).values(UInt8.self)
      else { return nil }
      if before == after { continue }
      let strip = JPEGStrip(
        before, after, orientation.places(width: width, rows: rows), channels: Int(header.channels),
        flip: flip)
      guard replace(strip, top: top) else { return nil }
    }
    var count = 0
    return cjpeg_write_blocks(pointer, &count).flatMap { use(UnsafeBufferPointer(start: $0, count: count)) }
  }

  private func replace(_ strip: JPEGStrip, top: Int) -> Bool {
    let across = Int(header.mcu_width)
    let left = strip.columns.lowerBound / across * across
    let right = min((strip.columns.upperBound + across - 1) / across * across, strip.width)
    return strip.pixels.withUnsafeBufferPointer { pixels in
      strip.changed.withUnsafeBufferPointer { changed in
        cjpeg_replace(
          pointer, Int32(left), Int32(top), Int32(right - left), Int32(strip.rows),
          pixels.baseAddress! + left * Int(header.channels), changed.baseAddress! + left, strip.width)
      }
    }
  }
}
