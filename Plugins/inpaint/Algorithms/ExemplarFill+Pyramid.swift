extension ExemplarFill {
  /// The full resolution, with the largest patches that have a source; nil if there are none at all.
  func makeBase(_ image: Planes, hole: [Bool], guide: Planes?, coordinates: ColorCoordinates)
    -> PatchField?
  {
    let candidates = stride(from: patchSide / 2, through: 1, by: -1).lazy.map {
      PatchField(width: image.width, height: image.height, radius: $0, hole: hole)
    }
    guard let field = candidates.first(where: { !$0.sources.isEmpty }) else { return nil }
    for i in 0..<field.area where !hole[i] {
      field.texels[i] = Texel(lowHalf: coordinates.forward(image, at: i), highHalf: SIMD4())
      guard let guide else { continue }
      for c in 0..<min(3, guide.channels) {
        field.texels[i][5 + c] = guideWeight * guide.samples[c * guide.area + i]
      }
    }
    addTextureEnergy(field)
    setConfidence(field)
    return field
  }

  /// Channels 3 and 4: the mean magnitude of luma's horizontal and vertical differences around each known pixel.
  private func addTextureEnergy(_ field: PatchField) {
    guard textureWeight > 0 else { return }
    let width = field.width
    let height = field.height
    var energies = Planes(width: width, height: height, channels: 3)
    let area = energies.area
    for y in 0..<(height - 1) {
      for x in 0..<(width - 1) {
        let i = y * width + x
        guard !field.isHole[i], !field.isHole[i + 1], !field.isHole[i + width] else { continue }
        energies.samples[i] = abs(field.texels[i + 1][0] - field.texels[i][0])
        energies.samples[area + i] = abs(field.texels[i + width][0] - field.texels[i][0])
        energies.samples[2 * area + i] = 1
      }
    }
    let sums = energies.boxSums(radius: 2 * field.radius)
    for i in 0..<area where !field.isHole[i] {
      let count = max(1, sums.samples[2 * area + i])
      field.texels[i][3] = textureWeight * sums.samples[i] / count
      field.texels[i][4] = textureWeight * sums.samples[area + i] / count
    }
  }

  /// Confidence falls off exponentially with the city-block distance to the nearest known pixel.
  private func setConfidence(_ field: PatchField) {
    let depths = Distance.toNearest(width: field.width, height: field.height) { !field.isHole[$0] }
    for entry in field.holePixels {
      var trust: Float = holeConfidence
      for _ in 0..<min(20, depths[Int(entry)]) { trust /= confidenceDecay }
      field.confidence[Int(entry)] = trust
    }
    field.updateTrust(exponent: trustExponent)
  }

  /// The resolutions from fine to coarse, each half the one before.
  func makePyramid(_ base: PatchField) -> [PatchField] {
    var pyramid = [base]
    var depth = Distance.toNearest(width: base.width, height: base.height) { !base.isHole[$0] }.max() ?? 0
    while pyramid.count < (levels ?? 12) {
      if levels == nil, depth <= base.side / 2 + 1 { break }
      guard let coarse = halve(pyramid[pyramid.count - 1]) else { break }
      pyramid.append(coarse)
      depth /= 2
    }
    return pyramid
  }

  /// Half the resolution: a pixel is the mean of its known children and is known if half of them are.
  /// Nil when so small a picture would leave no choice of sources.
  private func halve(_ fine: PatchField) -> PatchField? {
    let width = (fine.width + 1) / 2
    let height = (fine.height + 1) / 2
    guard min(width, height) >= 3 * fine.side else { return nil }
    var texels = [Texel](repeating: Texel(), count: width * height)
    var hole = [Bool](repeating: true, count: width * height)
    for y in 0..<height {
      for x in 0..<width {
        var sum = Texel()
        var known = 0
        var children = 0
        for v in (2 * y)..<min(2 * y + 2, fine.height) {
          for u in (2 * x)..<min(2 * x + 2, fine.width) {
            children += 1
            guard !fine.isHole[v * fine.width + u] else { continue }
            sum += fine.texels[v * fine.width + u]
            known += 1
          }
        }
        guard known > 0, 2 * known >= children else { continue }
        texels[y * width + x] = sum / Float(known)
        hole[y * width + x] = false
      }
    }
    let coarse = PatchField(width: width, height: height, radius: fine.radius, hole: hole)
    let enough = max(Float(16 * fine.side), sourceRatio * Float(coarse.targets.count))
    guard !coarse.targets.isEmpty, Float(coarse.sources.count) >= enough else { return nil }
    coarse.texels.update(from: texels, count: texels.count)
    setConfidence(coarse)
    return coarse
  }
}
