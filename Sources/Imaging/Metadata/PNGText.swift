/// A text of a PNG file: keyword, language, the text, in one of three kinds of chunk (tEXt, zTXt, iTXt).
struct PNGText: Sendable {
  static let types: Set = ["tEXt", "zTXt", "iTXt"]
  static let xmpKeyword = "XML:com.adobe.xmp"

  let type: String
  /// The data of its chunk, as they were.
  let data: [UInt8]
  let keyword: String
  /// nil where it is compressed.
  let text: String?
  /// As RFC 3066 names it; nil where nothing is said.
  let language: String?

  /// nil if the chunk is not one.
  init?(type: String, data: [UInt8]) {
    guard Self.types.contains(type), let end = data.firstIndex(of: 0), end > 0 else { return nil }
    (self.type, self.data) = (type, data)
    keyword = latin1(data[..<end])
    var text: String?
    var language: String?
    if type == "tEXt" { text = latin1(data[(end + 1)...]) }
    // Whether it is compressed, how; language and translated keyword, each with a zero.
    if type == "iTXt", data.count >= end + 5, let languageEnd = data[(end + 3)...].firstIndex(of: 0),
      let translationEnd = data[(languageEnd + 1)...].firstIndex(of: 0)
    {
      if languageEnd > end + 3 { language = latin1(data[(end + 3)..<languageEnd]) }
      if data[end + 1] == 0 { text = String(decoding: data[(translationEnd + 1)...], as: UTF8.self) }
    }
    (self.text, self.language) = (text, language)
  }

  /// This chunk with its text, where that was compressed.
  func with(_ text: String?) -> PNGText { PNGText(self, text) }

  private init(_ other: PNGText, _ text: String?) {
    (type, data, keyword, language) = (other.type, other.data, other.keyword, other.language)
    self.text = text
  }

  /// A new one, in UTF-8 where Latin-1 does not hold it.
  init(keyword: String, text: String) {
    self.keyword = keyword
    self.text = text
    language = nil
    if text.unicodeScalars.allSatisfy({ $0.value < 256 && $0.value > 0 }) {
      type = "tEXt"
      data = Array(keyword.utf8) + [0] + text.unicodeScalars.map { UInt8($0.value) }
    } else {
      type = "iTXt"
      data = Array(keyword.utf8) + [0, 0, 0, 0, 0] + Array(text.utf8)
    }
  }

  /// Whether ImageMagick repeats in it what is said elsewhere in the file, or about another file.
  var isRepetition: Bool {
    let prefixes = ["date:", "exif:", "icc:", "tiff:", "jpeg:", "png:", "Thumb::"]
    return prefixes.contains { keyword.hasPrefix($0) }
  }

  /// What other programs than this store under such a keyword: profiles as hexadecimal numbers.
  static let profilePrefix = "Raw profile type "

  /// A block as such a profile.
  init(profile name: String, _ block: [UInt8]) {
    let digits = Array("0123456789abcdef")
    var text =
      "\n\(name)\n\(String(repeating: " ", count: max(0, 8 - "\(block.count)".count)))\(block.count)\n"
    for (index, byte) in block.enumerated() {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
      if index % 36 == 35 { text.append("\n") }
    }
    self.init(keyword: Self.profilePrefix + name, text: text + "\n")
  }

  /// The block in the text of such a profile, or nil.
  static func profile(_ text: String) -> [UInt8]? {
    let lines = text.utf8.split(whereSeparator: { $0 == 10 || $0 == 32 || $0 == 13 })
    guard lines.count >= 2, let count = Int(String(decoding: lines[1], as: UTF8.self)) else { return nil }
    var block: [UInt8] = []
    var high: UInt8?
    for digit in lines.dropFirst(2).joined() {
      guard let value = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
      if let first = high {
        block.append(first << 4 | UInt8(value))
        high = nil
      } else {
        high = UInt8(value)
      }
    }
    return block.count == count ? block : nil
  }
}

/// Text in Latin-1.
func latin1(_ bytes: some Sequence<UInt8>) -> String {
  var text = String.UnicodeScalarView()
  for byte in bytes { text.append(UnicodeScalar(byte)) }
  return String(text)
}

/// Text in UTF-8 if it is that, else in Latin-1.
func guessedText(_ bytes: some Collection<UInt8>) -> String {
  String(validating: bytes, as: UTF8.self) ?? latin1(bytes)
}
