import RobustRuntime

/// `rtool models [FILE...]`: the models that are found, or all that is understood of some files.
enum ModelsCommand {
  private static let files = Option<[String]>.texts(
    "files", value: "[FILE...]", flags: [.positional, .repeated],
    "models' files, or names, of which all that was understood is told; without it the models found are listed"
  )

  static let parameters =
    [files.parameter, ListCommands.modelInfo.parameter] + ListCommands.parameters

  static func run(_ values: OptionValues) throws {
    let isJSON = values[ListCommands.json]
    guard values[files].isEmpty else {
      let rows = try values[files].map { word in
        try Row(ModelSearch.find(word, info: values[ListCommands.modelInfo]), isDetailed: true)
      }
      return try Terminal.print(isJSON ? encodedJSON(rows) + "\n" : rows.map(\.text).joined())
    }
    let rows = ModelSearch.candidates().map { name, source in
      do {
        var row = try Row(source, isDetailed: false)
        row.name = name
        return row
      } catch {
        return Row(name: name, path: source.place, rejected: "\(error)")
      }
    }
    try Terminal.print(isJSON ? encodedJSON(rows) + "\n" : rows.map(\.text).joined())
  }

  private struct Row: Encodable {
    var name, path: String
    var architecture: String?
    var side, parameters: Int?
    var classes: Int?
    var constraint: String?
    var eps, cleanAccuracy, robustAccuracy, evaluatedEps: Double?
    var rejected: String?
    var details: Details?

    init(name: String, path: String, rejected: String) {
      (self.name, self.path, self.rejected) = (name, path, rejected)
    }

    /// - Throws: `CheckpointError`
    init(_ source: ModelSearch.Source, isDetailed: Bool) throws {
      let (facts, origin) = try ModelSearch.description(source)
      (name, path, architecture) = (facts.name, source.place, facts.architecture)
      (side, parameters, classes) = (facts.side, facts.parameterCount, facts.classes.count)
      (constraint, eps) = (facts.constraint, facts.eps)
      (cleanAccuracy, robustAccuracy) = (facts.cleanAccuracy, facts.robustAccuracy)
      evaluatedEps = facts.evaluatedEps
      if isDetailed { details = Details(facts, origin) }
    }

    var text: String {
      func percent(_ share: Double) -> String { numberText((share * 1000).rounded() / 10) + " %" }
      var text = "\(name)  \(path)\n"
      if let rejected { return text + "    not usable: \(rejected)\n" }
      let millions = (Double(parameters ?? 0) / 1e5).rounded() / 10
      text += "    \(architecture ?? ""), \(numberText(millions)) M parameters\n"
      text += "    \(classes ?? 0) classes, made for \(side ?? 0) px, "
      let norm = (constraint ?? "").uppercased()
      text += (eps ?? 0) > 0 ? "trained with \(norm) radius \(numberText(eps ?? 0))\n" : "not robust\n"
      if let clean = cleanAccuracy {
        text += "    accuracy \(percent(clean))"
        if let robust = robustAccuracy {
          text += ", \(percent(robust)) under attack with radius \(numberText(evaluatedEps ?? eps ?? 0))"
        }
        text += "\n"
      }
      return text + (details?.text ?? "")
    }
  }

  /// How the file was understood.
  private struct Details: Encodable {
    let format: String
    let place: String
    let otherPlaces, prefixes, leftOut: [String]
    let mean, deviation: [Float]
    /// "file", "beside", "said", "assumed"
    let normalization, size: String
    let fixedSize: [Int]?
    let smallest, side: Int
    /// The data set whose class names were assumed.
    let assumedClasses: String?
    let firstClasses: [String]
    let namesClasses, hasSeeds: Bool
    let layers: [String]
    let notes: [String]

    init(_ facts: ModelFacts, _ origin: ModelOrigin) {
      (format, place, otherPlaces) = (origin.format, origin.place, origin.otherPlaces)
      (prefixes, leftOut) = (origin.prefixes, origin.leftOut)
      (mean, deviation) = (origin.mean, origin.deviation)
      (normalization, size) = (origin.normalizationSource.rawValue, origin.sizeSource.rawValue)
      fixedSize = facts.fixedSize.map { [$0.width, $0.height] }
      (smallest, side) = (facts.smallest, facts.side)
      (assumedClasses, namesClasses) = (origin.assumedClasses, origin.namesClasses)
      firstClasses = Array(facts.classes.prefix(5))
      hasSeeds = facts.hasSeeds
      layers = facts.layers.map(\.name)
      notes = origin.notes
    }

    private static let sources = [
      "file": "from the file", "beside": "from a configuration beside it", "said": "from --model-info",
      "assumed": "assumed",
    ]

    var text: String {
      func some(_ names: [String]) -> String {
        names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
      }
      func numbers(_ values: [Float]) -> String {
        values.map { numberText((Double($0) * 1e4).rounded() / 1e4) }.joined(separator: " ")
      }
      var lines = ["format: \(format)"]
      if !place.isEmpty { lines.append("weights: \(place)") }
      if !otherPlaces.isEmpty { lines.append("not read: tensors at \(some(otherPlaces))") }
      if !prefixes.isEmpty { lines.append("prefix stripped: \(prefixes.joined())") }
      if !leftOut.isEmpty { lines.append("left out: \(some(leftOut))") }
      lines.append(
        "normalisation, \(Self.sources[normalization]!): mean \(numbers(mean)), deviation \(numbers(deviation))"
      )
      lines.append("size, \(Self.sources[size]!): \(side) px")
      if let fixedSize {
        lines.append(
          "takes images of \(fixedSize[0])x\(fixedSize[1]) alone: others are seen reduced or mirrored")
      } else {
        lines.append("takes images from \(smallest)x\(smallest) on: smaller ones are seen mirrored")
      }
      if let assumedClasses {
        lines.append(
          "classes: assumed to be those of \(assumedClasses), \(firstClasses.joined(separator: ", ")), ...")
      } else {
        lines.append(
          namesClasses
            ? "classes: \(firstClasses.joined(separator: ", ")), ..." : "classes: without names")
      }
      lines.append("class seeds: \(hasSeeds ? "yes" : "none")")
      lines.append("layers: \(layers.joined(separator: " "))")
      lines += notes
      return lines.map { Terminal.printable($0) }.flatMap {
        wrapped($0, width: Terminal.columns - 4)
      }.map { "    \($0)\n" }.joined()
    }
  }
}
