/// Records of fields with commas or tabs between, as RFC 4180 has them: a field in quotes may hold separators, line ends
/// and, doubled, quotes. Empty lines are left out.
struct DelimitedText {
  struct Record: Equatable {
    let fields: [String]
    /// Where it begins, from 1 on.
    let line: Int
  }

  let records: [Record]

  init(_ text: String, separator: UInt8) {
    let (quote, feed, carriage) = (UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r"))
    var records: [Record] = []
    var fields: [String] = []
    var field: [UInt8] = []
    var (line, first) = (1, 1)
    var (isQuoted, wasQuoted) = (false, false)

    func endField() {
      fields.append(String(decoding: field, as: UTF8.self))
      field.removeAll()
      wasQuoted = false
    }
    func endRecord() {
      if !fields.isEmpty || !field.isEmpty || wasQuoted {
        endField()
        records.append(Record(fields: fields, line: first))
        fields.removeAll()
      }
      first = line
    }

    var bytes = Array(text.utf8)[...]
    while let byte = bytes.popFirst() {
      if byte == feed { line += 1 }
      if isQuoted {
        if byte != quote {
          field.append(byte)
        } else if bytes.first == quote {
          field.append(quote)
          bytes.removeFirst()
        } else {
          isQuoted = false
        }
      } else if byte == quote, field.isEmpty {
        (isQuoted, wasQuoted) = (true, true)
      } else if byte == separator {
        endField()
      } else if byte == feed {
        endRecord()
      } else if byte != carriage || bytes.first != feed {
        field.append(byte)
      }
    }
    endRecord()
    self.records = records
  }
}
