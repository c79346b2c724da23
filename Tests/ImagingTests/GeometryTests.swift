import CVips
import Imaging
import PixelGrid
import Testing

@Suite struct GeometryTests {
  @Test(arguments: ResamplingKernel.allCases) func sizesAreExact(_ kernel: ResamplingKernel) throws {
    let image = picture(37, 23)
    for (width, height) in [
      (1, 1), (36, 24), (37, 1), (74, 46), (224, 224), (7, 111), (38, 22), (100, 3), (37, 23),
    ] {
      let resized = try image.resized(width: width, height: height, kernel: kernel)
      #expect(resized.width == width && resized.height == height && resized.channels == 3)
    }
  }

  @Test(arguments: ResamplingKernel.allCases) func aConstantStaysConstant(_ kernel: ResamplingKernel) throws {
    let image = FloatImage(width: 31, height: 17, channels: 3, filledWith: 0.3)
    for (width, height) in [(10, 5), (64, 50), (31, 5), (1, 1)] {
      let resized = try image.resized(width: width, height: height, kernel: kernel)
      #expect(resized.pixels.allSatisfy { abs($0 - 0.3) < 2e-3 })
    }
  }

  @Test(arguments: [ResamplingKernel.linear, .cubic, .lanczos, .box]) func aRampStaysInPlace(
    _ kernel: ResamplingKernel
  ) throws {
    // Half-pixel centres: the value of a ramp at a new centre is that of the old image there.
    var ramp = FloatImage(width: 64, height: 64, channels: 1)
    for y in 0..<64 { for x in 0..<64 { ramp[x, y, 0] = Float(x + 2 * y) / 256 } }
    for size in [16, 24, 48, 128] {
      let resized = try ramp.resized(width: size, height: size, kernel: kernel)
      let scale = 64 / Float(size)
      for y in size / 4..<size * 3 / 4 {
        for x in size / 4..<size * 3 / 4 {
          let expected = ((Float(x) + 0.5) * scale - 0.5 + 2 * ((Float(y) + 0.5) * scale - 0.5)) / 256
          // A box that enlarges steps by up to half an old pixel in each direction.
          let tolerance: Float = kernel == .box ? (size > 64 ? 1.5 : 0.5) / 256 : 0.25 / 256
          #expect(abs(resized[x, y, 0] - expected) < tolerance)
        }
      }
    }
  }

  @Test(arguments: [ResamplingKernel.box, .linear, .cubic, .lanczos]) func shrinkingAntialiases(
    _ kernel: ResamplingKernel
  ) throws {
    var stripes = FloatImage(width: 128, height: 128, channels: 1)
    for y in 0..<128 { for x in 0..<128 { stripes[x, y, 0] = Float((x + y) % 2) } }
    let small = try stripes.resized(width: 16, height: 16, kernel: kernel)
    for y in 2..<14 { for x in 2..<14 { #expect(abs(small[x, y, 0] - 0.5) < 0.02) } }
  }

  @Test func boxIsTheAreaMean() throws {
    let image = FloatImage(width: 3, height: 1, channels: 1, pixels: [0, 0.6, 0.9])
    let two = try image.resized(width: 2, height: 1, kernel: .box)
    #expect(abs(two.pixels[0] - 0.2) < 1e-6 && abs(two.pixels[1] - 0.8) < 1e-6)
    let means = try picture(40, 20).resized(width: 10, height: 5, kernel: .box)
    let source = picture(40, 20)
    var sum: Float = 0
    for y in 4..<8 { for x in 8..<12 { sum += source[x, y, 1] } }
    #expect(abs(means[2, 1, 1] - sum / 16) < 1e-5)
  }

  @Test func nearestTakesPixelsAsTheyAre() throws {
    let image = picture(9, 7, channels: 4)
    let large = try image.resized(width: 27, height: 21, kernel: .nearest)
    for y in 0..<21 {
      for x in 0..<27 { for c in 0..<4 { #expect(large[x, y, c] == image[x / 3, y / 3, c]) } }
    }
    #expect(try large.resized(width: 9, height: 7, kernel: .nearest) == image)
  }

  @Test func impossibleSizesAreErrors() {
    for (width, height) in [(0, 5), (-3, 5), (5, 0), (Int.max, 2)] {
      let error = #expect(throws: ImagingError.self) {
        try picture(4, 4).resized(width: width, height: height)
      }
      #expect(error?.kind == .invalidArgument)
    }
  }

  @Test func blurIsAGaussian() throws {
    var impulse = FloatImage(width: 41, height: 41, channels: 1)
    impulse[20, 20, 0] = 1
    let blurred = try impulse.blurred(sigma: 2)
    #expect(abs(blurred.pixels.reduce(0, +) - 1) < 0.01)
    // exp(-r^2 / 2 sigma^2) / (2 pi sigma^2)
    #expect(abs(blurred[20, 20, 0] - 0.03979) < 4e-4)
    #expect(abs(blurred[22, 20, 0] - 0.02413) < 4e-4)
    #expect(abs(blurred[23, 24, 0] - 0.00175) < 4e-4)
    let constant = FloatImage(width: 9, height: 9, channels: 3, filledWith: 0.7)
    #expect(try difference(constant.blurred(sigma: 5), constant) < 1e-4)
    #expect(try constant.blurred(sigma: 0) == constant)
    for sigma in [-1, .nan, .infinity, 1e9] as [Double] {
      #expect(throws: ImagingError.self) { try constant.blurred(sigma: sigma) }
    }
  }

  @Test func croppingIsCutToTheImage() throws {
    let image = picture(10, 8)
    let part = try image.cropped(x: -2, y: 3, width: 5, height: 100)
    #expect(part.width == 3 && part.height == 5)
    #expect(part[2, 4, 1] == image[2, 7, 1])
    #expect(throws: ImagingError.self) { try image.cropped(x: 10, y: 0, width: 3, height: 3) }
    #expect(throws: ImagingError.self) { try image.cropped(x: 0, y: 0, width: 0, height: 3) }
    #expect(throws: ImagingError.self) { try image.cropped(x: .max, y: .max, width: .max, height: .max) }
  }
}

@Suite(.serialized) struct ThreadTests {
  @Test func theNumberOfThreadsChangesNoPixel() throws {
    let raw = RawImage(sample: 300, 200, bands: 3)
    let file = try raw.encoded(as: CVIPS_PNG, fields: ["icc-profile-data": profile("p3")])
    var first: (rgb: FloatImage, small: FloatImage, blurred: FloatImage, bytes: [UInt8])?
    defer { Imaging.configure(threads: 0) }
    for threads in 1...4 {
      Imaging.configure(threads: threads)
      let source = try SourceImage.open(bytes: file)
      let rgb = try source.rgb()
      let small = try rgb.resized(width: 77, height: 55, kernel: .lanczos)
      let blurred = try rgb.blurred(sigma: 3)
      let bytes = try source.patched(with: [Patch(x: 10, y: 10, image: small)]).encoded(as: .png).bytes
      if let first {
        #expect(first.rgb == rgb && first.small == small && first.blurred == blurred && first.bytes == bytes)
      } else {
        first = (rgb, small, blurred, bytes)
      }
    }
  }
}
