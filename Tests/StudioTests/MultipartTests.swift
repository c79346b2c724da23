import Foundation
import Studio
import Testing

/// Bodies of multipart/form-data, whole and damaged, in pieces of all sizes.
@Suite struct MultipartTests {
  private struct Part: Equatable {
    var name: String
    var fileName: String?
    var data = Data()
  }

  /// What a body has, where it arrives in pieces of so many bytes.
  private func parts(_ body: Data, boundary: String = "b", pieces: Int = .max) throws -> [Part] {
    var parser = try MultipartParser(boundary: boundary)
    var parts: [Part] = []
    var isOpen = false
    var rest = body[...]
    while !rest.isEmpty {
      let piece = rest.prefix(pieces)
      rest = rest.dropFirst(piece.count)
      try parser.feed(Data(piece)) { event in
        switch event {
        case .begin(let part):
          #expect(!isOpen)
          isOpen = true
          parts.append(Part(name: part.name, fileName: part.fileName))
        case .data(let data):
          #expect(isOpen && !data.isEmpty)
          parts[parts.count - 1].data += data
        case .end:
          #expect(isOpen)
          isOpen = false
        }
      }
    }
    try parser.finish()
    #expect(!isOpen)
    return parts
  }

  private func parts(_ text: String, boundary: String = "b", pieces: Int = .max) throws -> [Part] {
    try parts(Data(text.utf8), boundary: boundary, pieces: pieces)
  }

  private func head(_ name: String, file: String? = nil) -> String {
    "Content-Disposition: form-data; name=\"\(name)\"" + (file.map { "; filename=\"\($0)\"" } ?? "")
      + "\r\n\r\n"
  }

  private func failure(_ text: String, boundary: String = "b") -> String? {
    do {
      _ = try parts(text, boundary: boundary)
      return nil
    } catch { return (error as? StudioError)?.text }
  }

  @Test func partsAreTheSameInPiecesOfAnySize() throws {
    // Data with what looks like the beginning of a boundary.
    var bytes = Data((0...255).map { UInt8($0) })
    bytes += Data("\r\n--\r\n--bb\r\n\r\r\n-\r\n--bound".utf8)
    var body = Data(
      "preamble\r\n--boundary \t\r\n\(head("steps"))25\r\n--boundary\r\n\(head("image", file: "a b.png"))"
        .utf8)
    body += bytes + Data("\r\n--boundary\r\n\(head("empty"))\r\n--boundary--\r\nepilogue --boundary".utf8)
    let expected = [
      Part(name: "steps", data: Data("25".utf8)), Part(name: "image", fileName: "a b.png", data: bytes),
      Part(name: "empty"),
    ]
    for pieces in Array(1...40) + [64, 100, 256, .max] {
      #expect(try parts(body, boundary: "boundary", pieces: pieces) == expected, "pieces of \(pieces)")
    }
  }

  @Test func namesAreReadAsProgramsWriteThem() throws {
    func part(_ line: String) throws -> Part? { try parts("--b\r\n\(line)\r\n\r\nx\r\n--b--").first }
    #expect(
      try part("content-disposition:form-data;name=plain;filename=a.png")
        == Part(name: "plain", fileName: "a.png", data: Data("x".utf8)))
    #expect(try part(#"Content-Disposition: form-data; name="a\"b"; filename="c\\d""#)?.name == "a\"b")
    #expect(
      try part(#"Content-Disposition: form-data; name="a"; filename="C:\photos\a.png""#)?.fileName
        == #"C:\photos\a.png"#)
    #expect(try part("Content-Disposition: form-data; name=\"mäsk\"")?.name == "mäsk")
    #expect(try part("Content-Disposition: form-data; name=a; filename*=UTF-8''x.png")?.fileName == "file")
    #expect(
      try part("X-Other: 1\r\nContent-Disposition: form-data; name=a\r\nContent-Type: image/png")?.name == "a"
    )
  }

  @Test func damageIsToldInWords() throws {
    let whole = "--b\r\n\(head("a"))x\r\n--b--"
    #expect(failure(whole) == nil)
    for count in 0..<whole.utf8.count {
      let cut = String(decoding: Data(whole.utf8).prefix(count), as: UTF8.self)
      #expect(failure(cut)?.contains("middle of its parts") == true, "\(count) bytes")
    }
    #expect(failure("--b\r\n\r\nx\r\n--b--")?.contains("name of its parameter") == true)
    #expect(
      failure("--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--")?.contains("name of its")
        == true)
    #expect(failure("--b\r\nno field\r\n\r\nx\r\n--b--")?.contains("no header field") == true)
    #expect(failure("--b\r\n\(head("a"))x\r\n--bX\r\n\r\n--b--")?.contains("not separated") == true)
    #expect(
      failure("--b\r\nContent-Transfer-Encoding: base64\r\n\(head("a"))x\r\n--b--")?.contains("not encoded")
        == true)
    for boundary in ["", String(repeating: "x", count: 71), "a\r\nb", "end ", "ä"] {
      #expect(failure(whole, boundary: boundary)?.contains("boundary") == true)
    }
  }

  @Test func whatIsKeptIsBounded() throws {
    let part = "--b\r\n\(head("a"))x\r\n"
    let most = String(repeating: part, count: MultipartParser.mostParts)
    #expect(try parts(most + "--b--").count == MultipartParser.mostParts)
    #expect(failure(most + part + "--b--")?.contains("parts") == true)
    let long = String(repeating: "x", count: MultipartParser.longestHead + 1)
    #expect(failure("--b\r\nX: \(long)\r\n\(head("a"))x\r\n--b--")?.contains("kilobytes") == true)
    #expect(failure("--b\r\nX: \(long)")?.contains("kilobytes") == true)
    #expect(
      failure("--b" + String(repeating: " ", count: 100) + "\r\n\(head("a"))x\r\n--b--")?.contains(
        "not separated") == true)
    // A long preamble, and data that are all beginnings of boundaries.
    #expect(try parts(long + "\r\n" + part + "--b--").count == 1)
    let almost = String(repeating: "\r\n--", count: 10_000)
    #expect(
      try parts("--b\r\n\(head("a"))\(almost)\r\n--b--", pieces: 7).first?.data.count == almost.utf8.count)
  }
}
