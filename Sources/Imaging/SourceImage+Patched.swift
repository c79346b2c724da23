import CVips

extension SourceImage {
  /// This image with new content in some places, in its own colour space, depth and channels.
  ///
  /// A pixel whose new colour is the one that it has, compared in sRGB at the image's depth, keeps its
  /// native value bit for bit; so does everything outside the patches. Other colours are converted to the
  /// image's profile (to luminance if it is grey). Alpha stays, unless a patch has four channels; an
  /// image without alpha gets an opaque one first if such a patch is translucent somewhere. Where patches
  /// overlap the later one counts. Throws `failed`.
  public func patched(with patches: [Patch]) throws(ImagingError) -> ResultImage {
    do {
      let result = try writableCopy(withAlpha: hasAlpha || patches.contains(where: \.isTranslucent))
      for patch in patches {
        let area = Area(x: patch.x, y: patch.y, width: patch.width, height: patch.height)
          .clipped(width: width, height: height)
        if area.isEmpty { continue }
        switch bitDepth {
        case 8: try store(patch, area, in: result, as: UInt8.self)
        case 16: try store(patch, area, in: result, as: UInt16.self)
        default: try store(patch, area, in: result, as: Float.self)
        }
      }
      return ResultImage(
        result, conversion: conversion, sourceFormat: format, sourceName: name, metadata: metadata,
        coding: coding, others: others, jpeg: jpeg)
    } catch {
      throw ImagingError(.failed, name, "the result cannot be put together: \(error.reason)")
    }
  }

  private func writableCopy(withAlpha: Bool) throws(VipsError) -> NativeImage {
    guard withAlpha, !hasAlpha else { return try native.inMemory() }
    return try NativeImage(cvips_join_constant(native.pointer, native.most)).inMemory()
  }

  private func store<Value: ChannelValue>(
    _ patch: Patch, _ area: Area, in result: NativeImage, as _: Value.Type
  ) throws(VipsError) {
    guard let pixels = cvips_pixels(result.pointer) else { throw VipsError() }
    let target = NativePixels<Value>(
      values: pixels.assumingMemoryBound(to: Value.self), width: result.width, bands: result.bands)
    if conversion.method.isDirect, bitDepth < 32 {
      storeDirectly(patch, area, target)
    } else {
      // In strips, so that a patch as large as the image needs no second copy of it.
      let rows = max(1, (1 << 18) / area.width)
      for top in stride(from: area.y, to: area.y + area.height, by: rows) {
        let strip = Area(
          x: area.x, y: top, width: area.width, height: min(rows, area.y + area.height - top))
        try storeConverted(patch, strip, target)
      }
    }
    if patch.channels == 4, result.bands > colourChannels { storeAlpha(patch, area, target) }
  }

  /// The native values are sRGB: equal colours quantise to the same bits anyway.
  private func storeDirectly<Value: ChannelValue>(
    _ patch: Patch, _ area: Area, _ target: NativePixels<Value>
  ) {
    let isGrey = colourChannels == 1
    patch.forEachPixel(of: area) { x, y, r, g, b in
      let out = target.pixel(x, y)
      let (qr, qg, qb) = (Value.nearest(r), Value.nearest(g), Value.nearest(b))
      if isGrey {
        out[0] = qr == qg && qg == qb ? qr : Value.nearest(luminance(r, g, b))
      } else {
        (out[0], out[1], out[2]) = (qr, qg, qb)
      }
    }
  }

  private func storeConverted<Value: ChannelValue>(
    _ patch: Patch, _ area: Area, _ target: NativePixels<Value>
  ) throws(VipsError) {
    let native = try self.native.bands(0..<colourChannels).cropped(area).inMemory()
    let seen = try conversion.toSRGB(native)
    let own = try (seen.bands == 3 ? seen : seen.joined(seen).joined(seen)).values(UInt16.self)
    var wanted: [UInt16] = []
    wanted.reserveCapacity(own.count)
    var changed = false
    patch.forEachPixel(of: area) { _, _, r, g, b in
      changed = changed || !sameColour(r, g, b, own, at: wanted.count, as: Value.self)
      wanted.append(quantised(r, to: UInt16.self))
      wanted.append(quantised(g, to: UInt16.self))
      wanted.append(quantised(b, to: UInt16.self))
    }
    let kept = try native.values(Value.self)
    let new = changed ? try fromSRGB(wanted, area) : kept
    var index = 0
    patch.forEachPixel(of: area) { x, y, r, g, b in
      let same = sameColour(r, g, b, own, at: 3 * index, as: Value.self)
      let out = target.pixel(x, y)
      for band in 0..<colourChannels {
        let at = index * colourChannels + band
        out[band] = same ? kept[at] : new[at]
      }
      index += 1
    }
  }

  /// The way back, pixel for pixel, from 3 channels of sRGB to those of this image.
  private func fromSRGB<Value: ChannelValue>(_ colours: [UInt16], _ area: Area) throws(VipsError) -> [Value] {
    func value(_ colour: UInt16) -> Value { Value.nearest(Float(colour) / 65535) }
    if conversion.method.isDirect {
      if colourChannels == 3 { return colours.map(value) }
      return stride(from: 0, to: colours.count, by: 3).map { at in
        let (r, g, b) = (Float(colours[at]), Float(colours[at + 1]), Float(colours[at + 2]))
        return Value.nearest(luminance(r / 65535, g / 65535, b / 65535))
      }
    }
    return try colours.withUnsafeBufferPointer { buffer throws(VipsError) in
      let wrapped = try NativeImage(
        cvips_wrap(buffer.baseAddress!, Int32(area.width), Int32(area.height), 3, CVIPS_UINT16))
      let native = try conversion.fromSRGB(
        wrapped, bands: colourChannels, profile: profile, depth: min(bitDepth, 16))
      return bitDepth == 32
        ? try native.values(UInt16.self).map(value) : try native.values(Value.self)
    }
  }

  private func storeAlpha<Value: ChannelValue>(
    _ patch: Patch, _ area: Area, _ target: NativePixels<Value>
  ) {
    patch.withFloats { first, stride in
      for y in area.y..<area.y + area.height {
        let row = first + (y - patch.y) * stride
        for x in area.x..<area.x + area.width {
          target.pixel(x, y)[colourChannels] = Value.nearest(row[4 * (x - patch.x) + 3])
        }
      }
    }
  }
}

/// The memory of a native image that is being made.
private struct NativePixels<Value> {
  let values: UnsafeMutablePointer<Value>
  let width, bands: Int

  func pixel(_ x: Int, _ y: Int) -> UnsafeMutablePointer<Value> { values + (y * width + x) * bands }
}

@inline(__always)
private func sameColour<Value: ChannelValue>(
  _ r: Float, _ g: Float, _ b: Float, _ own: [UInt16], at index: Int, as _: Value.Type
) -> Bool {
  func same(_ value: Float, _ own: UInt16) -> Bool { Value.areSame(value, Float(own) / 65535) }
  return same(r, own[index]) && same(g, own[index + 1]) && same(b, own[index + 2])
}

extension Patch {
  /// Calls body with each pixel of an area of the image, in image coordinates, and its new colour.
  @inline(__always)
  fileprivate func forEachPixel(of area: Area, _ body: (Int, Int, Float, Float, Float) -> Void) {
    let (green, blue) = channels < 3 ? (0, 0) : (1, 2)
    withFloats { values, stride in
      for row in area.y..<area.y + area.height {
        var at = (row - y) * stride + (area.x - x) * channels
        for column in area.x..<area.x + area.width {
          body(column, row, values[at], values[at + green], values[at + blue])
          at += channels
        }
      }
    }
  }
}
