/// Numbers of TIFF and EXIF fields.
enum TIFFTag {
  static let imageWidth = 256
  static let imageLength = 257
  static let bitsPerSample = 258
  static let compression = 259
  static let photometric = 262
  static let imageDescription = 270
  static let stripOffsets = 273
  static let orientation = 274
  static let samplesPerPixel = 277
  static let xResolution = 282
  static let yResolution = 283
  static let resolutionUnit = 296
  static let tileOffsets = 324
  static let tileByteCounts = 325
  static let extraSamples = 338
  static let subDirectories = 330
  static let jpegInterchange = 513
  static let jpegInterchangeLength = 514
  static let stripByteCounts = 279
  static let xmp = 700
  static let iptc = 33723
  static let photoshop = 34377
  static let profile = 34675
  static let exif = 34665
  static let gps = 34853
  static let interoperability = 40965
  static let makerNote = 37500
  static let userComment = 37510
  static let pixelXDimension = 40962
  static let pixelYDimension = 40963

  static let density: Set = [xResolution, yResolution, resolutionUnit]

  /// What an encoder may write of its own and nothing needs.
  static let words: Set = [xmp, iptc, photoshop, imageDescription, exif, gps]

  /// How the pixels are stored, which the encoder decides anew.
  static let structure: Set = Set(254...266).subtracting([263]).union([
    273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 297, 317, 320, 322, 323, 324, 325,
    326, 327, 328, 330, 332, 333, 334, 336, 338, 339, 340, 341, 347, 512, 513, 514, 515, 517, 518, 519, 520,
    521, 529, 530, 531, 532, 559, 32995, 32996, 32997, 32998, 33421, 33422, 50674,
  ])

  /// What is carried in ways of its own, or points to other directories.
  static let apart: Set = [xmp, iptc, photoshop, profile, exif, gps, interoperability, 400]

  /// What shows pixels that are no longer there, with its names.
  static let pictures: [(tags: Set<Int>, name: String)] = [
    ([37724], "Photoshop's layers"),
    (Set(50706...51125).subtracting([50784, 50838, 50839, 50844, 50908, 50909]), "camera raw's fields"),
  ]

  static func isPicture(_ tag: Int) -> Bool { pictures.contains { $0.tags.contains(tag) } }

  /// What microscopes say of the pages of a file: MetaMorph, LSM, ImageJ, NIH Image.
  static let pages: Set = [33628, 33629, 33630, 33631, 34412, 50838, 50839, 43314]
}
