import Glibc
import RTool

/// What is told of one photo after the other.
struct ClassReport {
  private let classes: [String]
  /// How many classes are told as text, and as JSON.
  private let top, topInJSON: Int
  /// Columns that hold every name of a file and of a class.
  private let nameWidth, classWidth: Int

  init(_ host: Host, _ values: Values, names: [String]) {
    classes = host.model.classes
    top = values[countOfClasses]
    topInJSON = values.isGiven(countOfClasses) ? top : classes.count
    func widest(_ texts: [String]) -> Int { texts.map { Text.printable($0).count }.max() ?? 0 }
    (nameWidth, classWidth) = (widest(names), widest(classes))
  }

  func json(_ name: String, _ prediction: Prediction) -> JSON {
    let told = prediction.ranking.prefix(topInJSON)
    return JSON([
      "file": JSON(name),
      "classes": JSON(told.map { JSON(classes[$0]) }),
      "probabilities": JSON(told.map { JSON(prediction.probabilities[$0]) }),
      "logits": JSON(told.map { JSON(prediction.logits[$0]) }),
      "entropy": JSON(prediction.entropy),
      "entropyUnit": JSON("bit"),
    ])
  }

  /// One line where one class is wanted, else a block, with an empty line before it unless it is the first.
  func text(_ name: String, _ prediction: Prediction, isFirst: Bool) -> String {
    let name = Text.printable(name)
    guard top == 1 else {
      let rows = prediction.ranking.prefix(top).map {
        [Text.percent(prediction.probabilities[$0]), Text.printable(classes[$0])]
      }
      let block = "\(name): \(entropy(prediction))\n" + Text.table(rows, right: [0], indent: 2)
      return isFirst ? block : "\n" + block
    }
    let share = Text.percent(prediction.probabilities[prediction.best])
    let best = Text.printable(classes[prediction.best])
    func gap(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(width - text.count, 0))
    }
    return "\(name)\(gap(name, nameWidth))  \(gap(share, 7))\(share)  \(best)\(gap(best, classWidth))  "
      + "\(entropy(prediction))\n"
  }

  private func entropy(_ prediction: Prediction) -> String {
    let most = log2(Double(prediction.logits.count))
    return "\(Text.fixed(prediction.entropy, 2)) of \(Text.fixed(most, 2)) bits of entropy"
  }
}
