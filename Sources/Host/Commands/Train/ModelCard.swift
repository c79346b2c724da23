import Glibc

/// What is told of a model in the Markdown file beside it.
struct ModelCard {
  var name: String
  /// The model's file, without its folder.
  var file: String
  /// Such as "ResNet, basic blocks 2-2-2-2, widths 32-64-128-256".
  var architecture: String
  /// "3x3 stem of stride 2, no max-pool"
  var stem: String
  var parameters: Int
  /// Multiplications with additions of one image forwards.
  var products: Int
  /// Side of the images it was trained for.
  var side: Int
  var classes: [String]
  var sources: [Source]
  var training: Training
  var figures: Figures?
  /// nil: the model has none.
  var seeds: Seeds?
  /// What else is to be told of the training, in whole sentences.
  var remarks: [String] = []
  /// The plot of the training beside the card, without its folder.
  var plot: String?

  /// Where photos came from, as the user named it.
  struct Source {
    var name: String
    /// Photos that were used.
    var photos: Int
  }

  struct Training {
    /// The model whose weights it began with; nil: none, rtool trained it from the beginning.
    var start: String?
    /// "l2" or "linf"; nil: it was not attacked.
    var constraint: String?
    var eps: Double
    var attackSteps: Int
    /// "at" or "trades".
    var method: String
    /// The weight of the second term of TRADES.
    var beta: Double?
    /// Sides in pixels and the passes over the data at each.
    var sizes: [(side: Int, epochs: Double)]
    var batch: Int
    var learningRate, momentum, weightDecay, labelSmoothing, averageDecay: Double
    var precision: String
    var randomSeed: UInt64
    var steps: Int
    /// Without pauses.
    var seconds: Double
    /// Photos that the network was trained on, that the best weights were chosen by, and that the figures are
    /// of.
    var trainingPhotos, selectionPhotos, reportPhotos: Int
    /// How the photos were parted.
    var split: String
    var version: String
  }

  /// Measured on photos that neither trained nor chose the weights.
  struct Figures {
    var photos: Int
    var cleanAccuracy: Double
    /// Under projected gradient descent of so many steps, the strongest of so many restarts; nil: not
    /// measured.
    var attack: Attack?
    /// In the order of the model's classes.
    var classes: [ClassFigures]
  }

  struct Attack {
    var constraint: String
    var eps: Double
    var steps, restarts: Int
    var accuracy: Double
  }

  struct ClassFigures {
    var photos: Int
    var cleanAccuracy: Double
    var robustAccuracy: Double?
  }

  struct Seeds {
    var side, rank: Int
    /// Normal distributions of a class at most.
    var components: Int
  }

  var markdown: String {
    var parts = [
      "# \(Self.escaped(name))",
      "A residual classifier for \(side)-pixel images of \(classes.count) classes, \(purpose). "
        + "It is in `\(file)`, beside this card.",
      table(["", ""], facts.map { [$0.0, $0.1] }),
      "**Data.** \(data)",
    ]
    if let figures { parts.append(text(of: figures)) }
    if !remarks.isEmpty { parts.append("**Remarks.** " + remarks.joined(separator: " ")) }
    if let plot { parts.append("![Loss and accuracy during the training](\(plot))") }
    parts.append(
      "**What the figures do not tell.** What photos of one source have in common (cameras, backgrounds, framing) is "
        + "part of what the model has learnt, and counts for it on held-out photos of the same source. Accuracy under "
        + "an attack is that under this attack: a stronger one may find more. The licences of the photos are those of "
        + "their sources.")
    return parts.joined(separator: "\n\n") + "\n"
  }

  private var purpose: String {
    guard let constraint = training.constraint, training.eps > 0 else { return "trained without attacks" }
    return "trained to resist \(Self.norm(constraint)) perturbations up to \(significant(training.eps))"
  }

  private var facts: [(String, String)] {
    var rows = [
      (
        "architecture",
        "\(architecture), \(stem); \(Self.amount(parameters)) parameters, \(Self.amount(products)) "
          + "multiplications for an image of \(side) px"
      ),
      ("input", "sRGB in 0...1, normalised by the stored `mean` and `std`"),
      ("classes", classes.map(Self.escaped).joined(separator: ", ")),
      ("trained by", trainer),
      ("training", method),
      ("settings", settings),
      ("effort", effort),
    ]
    if let figures { rows.append(("accuracy", summary(of: figures))) }
    if let seeds { rows.append(("seeds", text(of: seeds))) }
    return rows
  }

  private var trainer: String {
    let start = training.start.map { "from weights of \(Self.escaped($0))" } ?? "alone"
    return "rtool \(start) (version \(training.version))"
  }

  private var method: String {
    let sizes = training.sizes.map { "\(Self.decimal($0.epochs)) passes at \($0.side) px" }
      .joined(separator: ", then ")
    guard let constraint = training.constraint, training.eps > 0, training.attackSteps > 0 else {
      return "ordinary training, \(sizes)"
    }
    let steps = training.attackSteps == 1 ? "one step" : "\(training.attackSteps) steps"
    let name =
      training.method == "trades"
      ? "TRADES\(training.beta.map { " with beta \(significant($0))" } ?? "")" : "adversarial training"
    return "\(name) against \(Self.norm(constraint)) attacks of \(steps) from a random start, radius "
      + "\(significant(training.eps)) for values in 0...1; \(sizes)"
  }

  private var settings: String {
    var parts = [
      "batch \(training.batch)", "learning rate \(significant(training.learningRate))",
      "Nesterov momentum \(significant(training.momentum))",
      "weight decay \(significant(training.weightDecay))",
    ]
    if training.labelSmoothing > 0 {
      parts.append("label smoothing \(significant(training.labelSmoothing))")
    }
    return
      (parts + [
        "average of the weights with decay \(numberText(training.averageDecay))", training.precision,
        "seed \(training.randomSeed)",
      ]).joined(separator: ", ")
  }

  private var effort: String {
    "\(Self.grouped(training.steps)) steps in \(Self.duration(training.seconds))"
  }

  private func summary(of figures: Figures) -> String {
    let clean = "\(percent(figures.cleanAccuracy)) on \(Self.grouped(figures.photos)) held-out photos"
    guard let attack = figures.attack else { return clean }
    return "\(clean); \(percent(attack.accuracy)) under \(Self.text(of: attack))"
  }

  private static func text(of attack: Attack) -> String {
    let restarts = attack.restarts == 1 ? "" : ", the worst of \(attack.restarts) starts"
    return "\(attack.steps)-step projected gradient descent (\(norm(attack.constraint)), radius "
      + "\(significant(attack.eps))\(restarts))"
  }

  private func text(of seeds: Seeds) -> String {
    let count = classes.count
    let (leading, each) =
      seeds.components == 1
      ? ("[\(count)", "a sample of a class is")
      : (
        "[\(count),\(seeds.components)",
        "a class's components have the shares `seeds.weight`, and a sample of one is"
      )
    return "`seeds.mean` \(leading),3,\(seeds.side),\(seeds.side)] and `seeds.factor` "
      + "\(leading),\(seeds.rank),3,\(seeds.side),\(seeds.side)]: \(each) mean + sum z_k factor_k, z normal"
  }

  private var data: String {
    let total = sources.reduce(0) { $0 + $1.photos }
    let named = sources.map { "\(Self.escaped($0.name)) (\(Self.grouped($0.photos)))" }.joined(
      separator: ", ")
    return
      "\(Self.grouped(total)) photos: \(named). Of these \(Self.grouped(training.trainingPhotos)) trained the "
      + "network, \(Self.grouped(training.selectionPhotos)) chose the best weights, and the figures are of the other "
      + "\(Self.grouped(training.reportPhotos)); \(training.split)."
  }

  private func text(of figures: Figures) -> String {
    let isAttacked = figures.attack != nil
    let rows = zip(classes, figures.classes).map { name, figures in
      [Self.escaped(name), "\(figures.photos)", percent(figures.cleanAccuracy)]
        + (isAttacked ? [figures.robustAccuracy.map(percent) ?? ""] : [])
    }
    let head = ["class", "held-out photos", "right"] + (isAttacked ? ["right under attack"] : [])
    let attack = figures.attack.map { ", as they are and under \(Self.text(of: $0))" } ?? ""
    return
      "**Class by class**, on photos that neither trained the network nor chose its weights\(attack):\n\n"
      + table(head, rows)
  }

  // MARK: Markdown

  private func table(_ head: [String], _ rows: [[String]]) -> String {
    let lines = [head, head.map { _ in "---" }] + rows
    return lines.map { line in
      // An empty head is written as in the other cards.
      line.allSatisfy(\.isEmpty) || line.allSatisfy { $0 == "---" }
        ? "|" + line.map { $0.isEmpty ? " |" : "---|" }.joined() : "| \(line.joined(separator: " | ")) |"
    }.joined(separator: "\n")
  }

  /// Names come from folders, and may hold anything.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      if character.isNewline || character.unicodeScalars.contains(where: { $0.value < 32 }) {
        result += " "
      } else {
        if #"\`*_{}[]<>|#"#.contains(character) { result += "\\" }
        result.append(character)
      }
    }
    return result
  }

  private static func norm(_ constraint: String) -> String {
    switch constraint {
    case "l2": "L2"
    case "linf": "Linf"
    default: escaped(constraint)
    }
  }

  /// With commas between thousands.
  private static func grouped(_ number: Int) -> String {
    let digits = Array("\(number)")
    return digits.enumerated().reduce(into: "") { text, digit in
      if digit.offset > 0, (digits.count - digit.offset) % 3 == 0 { text += "," }
      text.append(digit.element)
    }
  }

  /// "2.8 M", "0.56 G"
  private static func amount(_ number: Int) -> String {
    if number >= 500_000_000 { return "\(significant((Double(number) / 1e7).rounded() / 100)) G" }
    if number >= 1_000_000 { return "\(significant((Double(number) / 1e5).rounded() / 10)) M" }
    return grouped(number)
  }

  private static func decimal(_ number: Double) -> String {
    numberText((number * 10).rounded() / 10)
  }

  private static func duration(_ seconds: Double) -> String {
    if seconds < 120 { return "\(Int(seconds.rounded())) seconds" }
    if seconds < 7200 { return "\(Int((seconds / 60).rounded())) minutes" }
    return "\(decimal(seconds / 3600)) hours"
  }
}
