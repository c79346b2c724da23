/// The tensors of a checkpoint under the names that the network itself gives them: without what wrappers put
/// before them, and with the normalisation of the pixels as "mean" and "std".
package struct CleanTensors: TensorFile {
  /// The file as it is.
  package let base: any TensorFile
  package let tensors: [String: TensorFacts]
  /// What was taken from the names, in the order in which it stood before them: "module.", "model.".
  package let prefixes: [String]
  /// The name that the mean of the pixels has in the file; nil: it has none.
  package let normalisation: String?
  /// Tensors of the file that are none of the network: copies within an attacker, parts of a loss.
  package let leftOut: [String]
  /// The names in the file.
  private let names: [String: String]
  /// Whether the mean and deviation in the file are of pixels in 0...255.
  private let isOfBytes: Bool

  package var file: String { base.file }
  package var format: String { base.format }
  package var metadata: [String: String] { base.metadata }

  /// What wraps networks: parallel and compiled modules, trainers, attackers, normalisation before a network.
  /// The names of networks themselves do not all begin with one of these.
  private static let wrappers = [
    "module.", "_orig_mod.", "_fsdp_wrapped_module.", "_forward_module.", "model.", "net.", "network.",
    "classifier_model.", "base_model.", "inner_model.", "_model.", "base_classifier.", "student.", "wrapped.",
  ]
  /// What holds another state of the same network beside it.
  private static let copies = ["attacker.", "ema.", "ema_model.", "model_ema.", "teacher.", "target."]
  /// A network that stands second in a sequence, behind the normalisation.
  private static let second = "1."
  /// Modules that only pass on what they wrap, wherever they stand.
  private static let transparent = ["_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"]
  private static let normalisers = [("mean", "std"), ("mu", "sigma"), ("new_mean", "new_std")]

  package init(_ base: any TensorFile) {
    self.base = base
    var wrapped = Wrapped(base)
    wrapped.unwrap()
    (names, prefixes, leftOut) = (wrapped.names, wrapped.prefixes, wrapped.leftOut.sorted())
    normalisation = wrapped.names["mean"]
    tensors = names.reduce(into: [:]) { $0[$1.key] = base.tensors[$1.value] }
    isOfBytes = CleanTensors.isOfBytes(base, mean: names["mean"], deviation: names["std"])
  }

  private static func isOfBytes(_ base: any TensorFile, mean: String?, deviation: String?) -> Bool {
    guard let mean, let deviation, base.tensors[mean]?.count == 3, base.tensors[deviation]?.count == 3,
      let means = try? base.values(mean), let deviations = try? base.values(deviation)
    else { return false }
    return means.allSatisfy { $0 > 2 } && deviations.allSatisfy { $0 > 2 }
  }

  package func tensor(_ name: String) throws -> StoredTensor {
    guard let original = names[name] else { throw refuse("\(name.quoted) is missing") }
    let tensor = try base.tensor(original)
    guard isOfBytes, name == "mean" || name == "std" else { return tensor }
    return StoredTensor(tensor.values(0..<tensor.count).map { $0 / 255 })
  }

  /// Names on the way from those of the file to those of the network.
  private struct Wrapped {
    let base: any TensorFile
    /// The file's name for each.
    var names: [String: String] = [:]
    var prefixes: [String] = []
    var leftOut: [String] = []

    init(_ base: any TensorFile) {
      self.base = base
      for name in base.tensors.keys {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let visible = parts.filter { !CleanTensors.transparent.contains(String($0)) }.joined(separator: ".")
        names[visible] = name
      }
      // Names that fall together were not those of wrappers.
      if names.count != base.tensors.count {
        names = base.tensors.reduce(into: [:]) { $0[$1.key] = $1.key }
      }
    }

    mutating func unwrap() {
      // A wrapper around a wrapper, and so on; each turn makes the names shorter.
      repeat {
        leaveOutAttackers()
        nameNormalisation()
      } while strip()
    }

    /// An attacker holds the network and its normalisation once more (the library `robustness`).
    private mutating func leaveOutAttackers() {
      for attacker in ["attacker.model.", "attacker.net."] {
        let own = names.keys.filter { $0.hasPrefix(attacker) }
        guard !own.isEmpty else { continue }
        let isCopy = own.allSatisfy { name in
          guard let original = names[String(name.dropFirst("attacker.".count))] else { return false }
          return base.shape(original) == base.shape(names[name]!)
        }
        guard isCopy else { continue }
        for name in names.keys.filter({ $0.hasPrefix("attacker.") }) {
          leftOut.append(names.removeValue(forKey: name)!)
        }
      }
      // Where the attacker holds the only one, it is the network.
      let rest = names.keys.filter { !$0.hasPrefix("attacker.") }
      if !names.isEmpty, rest.isEmpty { rename("attacker.", leavingOut: []) }
    }

    /// Gives the pair of mean and deviation with the shortest name its common one.
    private mutating func nameNormalisation() {
      guard names["mean"] == nil, names["std"] == nil else { return }
      var best: (mean: String, deviation: String)?
      for name in names.keys {
        for (mean, deviation) in CleanTensors.normalisers {
          guard name == mean || name.hasSuffix("." + mean) else { continue }
          let other = name.dropLast(mean.count) + deviation
          guard let first = names[name], let second = names[String(other)], base.tensors[first]?.count == 3,
            base.tensors[second]?.count == 3, base.tensors[first]?.type.isReal == true
          else { continue }
          if let best, (best.mean.count, best.mean) < (name.count, name) { continue }
          best = (name, String(other))
        }
      }
      guard let best else { return }
      names["mean"] = names.removeValue(forKey: best.mean)
      names["std"] = names.removeValue(forKey: best.deviation)
    }

    /// Takes one wrapper away; false: there is none.
    private mutating func strip() -> Bool {
      let inner = names.keys.filter { $0 != "mean" && $0 != "std" }
      guard !inner.isEmpty else { return false }
      func count(_ names: some Sequence<String>) -> Double {
        names.reduce(0) { $0 + Double(base.tensors[self.names[$1]!]!.count) }
      }
      let all = count(inner)
      for wrapper in CleanTensors.wrappers + [CleanTensors.second] {
        let within = inner.filter { $0.hasPrefix(wrapper) }
        guard !within.isEmpty else { continue }
        let others = inner.filter { !$0.hasPrefix(wrapper) }
        // What stands beside a network is small, or a copy of it.
        let isBeside =
          count(within) >= 0.9 * all
          || others.allSatisfy { name in CleanTensors.copies.contains { name.hasPrefix($0) } }
        guard others.isEmpty || wrapper != CleanTensors.second && isBeside else { continue }
        if rename(wrapper, leavingOut: others) { return true }
      }
      return false
    }

    @discardableResult
    private mutating func rename(_ prefix: String, leavingOut others: [String]) -> Bool {
      var renamed: [String: String] = [:]
      let others = Set(others)
      for (name, original) in names where !others.contains(name) {
        let inner = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
        guard !inner.isEmpty, renamed.updateValue(original, forKey: inner) == nil else { return false }
      }
      leftOut += others.map { names[$0]! }
      prefixes.append(prefix)
      names = renamed
      return true
    }
  }
}
