import Glibc
import Imaging

/// Judges a plan before any work: what no order of doing it could make right is refused, and named.
struct BatchCheck {
  let plan: BatchPlan
  /// The inputs that are to be done, from 0 on: of others nothing is written.
  let indices: Set<Int>
  private var claims: [String: Claim] = [:]
  /// Folders as they are without links, by their names.
  private var folders: [String: String] = [:]
  private var files: [String: FileIdentity?] = [:]
  /// Files that inputs need besides their images.
  private var needed: Set<String> = []

  private struct Claim {
    let title: String
    let output: String
    let isToBeDone: Bool
  }

  /// What is wrong, said of the first, with the number of others of its kind.
  private struct Faults {
    var first: Failure?
    var count = 0

    mutating func add(_ failure: @autoclosure () -> Failure) {
      if first == nil { first = failure() }
      count += 1
    }

    func check() throws {
      guard let first else { return }
      throw count == 1 ? first : first.adding(" (and \(count - 1) more of this kind)")
    }
  }

  /// - Throws: `Failure` for two inputs with one output, outputs in the place of an input, files that are missing, names
  ///   without the ending of a format, and folders that cannot be written to.
  static func check(_ plan: BatchPlan, of indices: [Int]) throws {
    var check = BatchCheck(plan: plan, indices: Set(indices))
    try check.outputs()
  }

  private init(plan: BatchPlan, indices: Set<Int>) { (self.plan, self.indices) = (plan, indices) }

  private mutating func outputs() throws {
    let named = plan.plugin.parameters.filter { $0.kind.isFile && $0.name != plan.batched.name }
    let written = plan.plugin.parametersWithTemplates.filter { !$0.kind.isFile }
    var (missing, twice, endless) = (Faults(), Faults(), Faults())
    for (index, input) in plan.inputs.enumerated() {
      if Interrupt.isRequested { throw Failure.interrupted }
      let texts = try plan.arguments(index).texts
      for parameter in named {
        for path in texts[parameter.name] ?? [] {
          needed.insert(path)
          if !indices.contains(index) || identity(path) != nil { continue }
          missing.add(.failed("there is no \(path), which \(input.title) needs as \(parameter.label)"))
        }
      }
      for parameter in written {
        guard let output = texts[parameter.name]?.last else { continue }
        if parameter.name == HostOption.output.parameter.name, texts[HostOption.format.parameter.name] == nil,
          Format(path: output) == nil
        {
          endless.add(.usage("\(output) needs the ending of an image format; or give --format"))
        }
        let place = try place(output)
        guard
          let other = claims.updateValue(
            Claim(title: input.title, output: output, isToBeDone: indices.contains(index)), forKey: place)
        else { continue }
        twice.add(
          other.title == input.title
            ? .usage("\(input.title) is named twice, and \(output) can be written once")
            : .usage(
              "\(other.title) and \(input.title) would both be written to \(output); tell them apart by a field, as in "
                + "-o 'out/{dir}/{name}'"))
      }
    }
    try missing.check()
    try endless.check()
    try twice.check()
    try overwriting()
  }

  private mutating func overwriting() throws {
    // Of a million outputs that are not there none is looked at.
    let names = Dictionary(
      uniqueKeysWithValues: Set(folders.values).map { ($0, Set(contents(ofFolder: $0))) })
    let there = claims.filter { place, claim in
      claim.isToBeDone && names[folder(of: place)]?.contains(String(fileName(of: place))) == true
    }
    if there.isEmpty { return }
    for path in plan.inputs.compactMap(\.path) + needed { _ = identity(path) }
    var faults = Faults()
    let read = Dictionary(
      files.compactMap { path, identity in identity.map { ($0, path) } }, uniquingKeysWith: { min($0, $1) })
    for claim in there.values.sorted(by: { $0.output < $1.output }) {
      guard let identity = FileIdentity(claim.output), let path = read[identity] else { continue }
      faults.add(
        .usage("\(claim.output) would be written over \(path), which is read; name another folder or file"))
    }
    try faults.check()
  }

  /// nil: there is no such file.
  private mutating func identity(_ path: String) -> FileIdentity? {
    if let known = files[path] { return known }
    let identity = FileIdentity(path)
    files[path] = .some(identity)
    return identity
  }

  /// The path of an output without links, so that two names of one file are seen as such.
  private mutating func place(_ output: String) throws -> String {
    let folder = folder(of: output)
    let name = fileName(of: output)
    if let known = folders[folder] { return "\(known)/\(name)" }
    let found = try OutputFolder.resolved(folder)
    folders[folder] = found
    return "\(found)/\(name)"
  }
}
