/// How messages list the labels and the colours of a mask.
enum LabelText {
  static func all(_ labels: [Int]) -> String {
    "it is read as labels: \(list(labels.map(String.init))) \(labels.count == 1 ? "is" : "are all") marked "
      + "(--mask-label chooses)"
  }

  /// "1, 2 and 5"; what is beyond eight is counted.
  static func list(_ words: [String]) -> String {
    let shown = words.count > 8 ? words.prefix(7) + ["\(words.count - 7) more"] : words[...]
    return shown.count < 2 ? shown.joined() : shown.dropLast().joined(separator: ", ") + " and " + shown.last!
  }
}
