import CRTool
import Imaging
import RobustRuntime

/// The table of functions that a plugin is handed, one for each model. Each function finds its run in `state`; what is
/// thrown here becomes a status, and its text the run's failure.
extension Run {
  /// Calls `body` with the table of this run, on the run thread.
  func withHost<Result>(_ body: (UnsafePointer<rtool_host>) throws -> Result) throws -> Result {
    var states: [HostState] = []
    func host(with classifier: Classifier) throws -> UnsafePointer<rtool_host> {
      let state = HostState(self, classifier)
      states.append(state)
      var host = table
      host.state = Unmanaged.passUnretained(state).toOpaque()
      host.model = UnsafePointer(try copy([model(classifier.facts)]))
      return UnsafePointer(try copy([host]))
    }
    hosts = try otherModels.mapValues(host)
    let first = try host(with: classifier)
    return try withExtendedLifetime((self, states)) { try body(first) }
  }

  private func model(_ facts: ModelFacts) throws -> rtool_model {
    var model = rtool_model()
    model.struct_size = UInt32(MemoryLayout<rtool_model>.size)
    model.layer_size = UInt32(MemoryLayout<rtool_layer>.stride)
    model.name = try copy(facts.name)
    model.classes = UnsafePointer(try copy(facts.classes.map { try copy($0) as UnsafePointer<CChar>? }))
    model.class_count = Int32(facts.classes.count)
    model.layers = UnsafePointer(
      try copy(
        facts.layers.map {
          rtool_layer(
            name: try copy($0.name), channels: Int32($0.channels), reduction: Int32($0.reduction))
        }))
    model.layer_count = Int32(facts.layers.count)
    model.side = Int32(facts.side)
    model.smallest = Int32(facts.smallest)
    model.eps = facts.eps
    model.has_seeds = facts.hasSeeds ? 1 : 0
    return model
  }

  private var table: rtool_host {
    var host = rtool_host()
    host.struct_size = UInt32(MemoryLayout<rtool_host>.size)
    host.abi = Plugin.abi
    host.version = UnsafePointer(try? copy(Installation.version))
    host.seed = seed
    host.threads = Int32(threads)
    host.json = wantsJSON ? 1 : 0
    host.bit_depth = Int32(keptBits)
    host.fail = { host, status, text in
      let text = text.map { String(of: $0) } ?? "the task failed without saying why"
      Run.of(host).fail(Int(status) == RTOOL_USAGE ? .usage(text) : .failed(text))
      return status == Int32(RTOOL_OK) ? Int32(RTOOL_FAILED) : status
    }
    host.log = { host, level, text in Run.of(host).log(level, text.map { String(of: $0) } ?? "") }
    host.progress = { host, fraction, note in
      Run.of(host).report(fraction, note.map { String(of: $0) }) ? 1 : 0
    }
    host.record = { host, key, text in
      guard let key, let text else { return }
      let (run, name, fact) = (Run.of(host), String(of: key), String(of: text, upTo: 1 << 16))
      run.record(name, fact)
      run.log(Int32(RTOOL_LOG_DETAIL), "\(name): \(fact)")
    }
    host.random = { host, distribution, stream, count, out in
      guard let out else { return }
      let numbers = UnsafeMutableBufferPointer(start: out, count: count)
      let generator = Philox(seed: Run.of(host).seed, stream: stream)
      let isNormal = Int(distribution) == RTOOL_RANDOM_NORMAL
      _ = numbers.update(
        fromContentsOf: isNormal ? generator.normal(count: count) : generator.uniform(count: count))
    }
    addServices(to: &host)
    addImageEnlargement(to: &host)
    addPreparation(to: &host)
    addValues(to: &host)
    addImages(to: &host)
    addImagesOnDemand(to: &host)
    addWorkingCopies(to: &host)
    addClassifier(to: &host)
    addFeatureNames(to: &host)
    addResults(to: &host)
    return host
  }

  func status(_ body: () throws -> Void) -> Int32 {
    do {
      try body()
      return Int32(RTOOL_OK)
    } catch {
      let failure = Failure(error)
      fail(failure)
      switch failure.kind {
      case .interrupted: return Int32(RTOOL_STOPPED)
      case .misuse: return Int32(RTOOL_INVALID)
      case .usage: return Int32(RTOOL_USAGE)
      default: return Int32(RTOOL_FAILED)
      }
    }
  }

  private func log(_ level: Int32, _ text: String) {
    switch Int(level) {
    case RTOOL_LOG_WARNING: console.insist(text)
    case RTOOL_LOG_DETAIL: if isVerbose { console.say(text) }
    default: console.note(text)
    }
  }
}
