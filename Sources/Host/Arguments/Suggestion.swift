/// The words nearest to what was typed, for "did you mean".
package enum Suggestion {
  /// Up to three of `words` that a slip of the hand could have turned into `typed`, nearest first.
  package static func near(_ typed: String, in words: [String]) -> [String] {
    let typed = typed.lowercased()
    let limit = max(1, (typed.count + 1) / 3)
    return
      words
      .map { word -> (word: String, distance: Int) in
        let lower = word.lowercased()
        let isPart = typed.count >= 3 && (lower.hasPrefix(typed) || lower.contains(typed))
        return (word, isPart ? 1 : distance(typed, lower))
      }
      .filter { $0.distance <= limit }
      .sorted { ($0.distance, $0.word) < ($1.distance, $1.word) }
      .prefix(3).map(\.word)
  }

  /// "; did you mean a, b or c?", or nothing.
  package static func text(_ typed: String, in words: [String], prefix: String = "") -> String {
    let near = near(typed, in: words).map { prefix + $0 }
    return near.isEmpty ? "" : "; did you mean \(list(near))?"
  }

  package static func list(_ words: [String]) -> String {
    words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + words.last!
  }

  /// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`: the optimal string alignment.
  package static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.prefix(64)), Array(b.prefix(64)))
    var rows = [Array(0...b.count)]
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var cost = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, rows[i - 1][j - 1] + 1) }
        row.append(cost)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
