import CRTool
import RobustRuntime

/// The functions of the host table that have to do with memory, threads and growth rather than with images.
extension Run {
  func addServices(to host: inout rtool_host) {
    host.alloc = { host, bytes in
      let run = Run.of(host)
      let memory = run.allocate(Int(clamping: bytes))
      if memory == nil { run.fail(.noMemory()) }
      return memory
    }
    host.parallel = { _, count, piece, user in
      guard let piece else { return }
      Workers.shared.run(Int(count)) { index, _ in piece(user, UInt32(index)) }
    }
    host.scope_begin = { host in Run.of(host).beginScope() }
    host.scope_end = { host in
      let run = Run.of(host)
      return run.status { try run.endScope() }
    }
    host.capability = { _, name in name.flatMap { Capabilities.since[String(cString: $0)] } ?? 0 }
  }
}

/// What plugins may ask for by name, with the minor version of the interface since which it is there.
enum Capabilities {
  static let since: [String: UInt32] = {
    var since: [String: UInt32] = [:]
    func add(_ prefix: String, _ names: String, since minor: UInt32) {
      for name in names.split(separator: " ") { since["\(prefix).\(name)"] = minor }
    }
    add("param", "bool int real text choice image mask class color point box", since: 1)
    add("param", "file layer ascent model", since: 3)
    add("term", "class logit feature representation pixels smoothness entropy statistics custom", since: 1)
    add("term", "measurement", since: 2)
    add("term", "measurement-kernel", since: 3)
    add("rule", "normalised sign plain", since: 1)
    add("rule", "adam", since: 2)
    add("set", "box l2 linf", since: 1)
    add("parameters", "pixels", since: 1)
    add("parameters", "fourier", since: 2)
    add("ascent", "jitter gradient-blur gradient-trend chroma-damping pass-relu best", since: 1)
    add("ascent", "levels momentum noise zoom stop-below patience", since: 2)
    add("ascent", "wrap", since: 4)
    add("filter", "wrap", since: 4)
    add("result", "caption frames size", since: 2)
    add("result", "name", since: 3)
    add("result", "bit-depth", since: 4)
    add("host", "class-weights json", since: 2)
    add(
      "host",
      "image-resample transfer working-copy parallel scopes small-images features-batch feature-names emit-json with-model prepared",
      since: 3)
    add("host", "bit-depth images-on-demand emit-part expect show", since: 4)
    add("ascent", "place trial", since: 5)
    add("host", "is-watched show-at", since: 5)
    add("host", "image-enlarge jpeg-quality", since: 6)
    return since
  }()
}
