import FlyingFox
import Foundation
import StudioPage
import WorkerProtocol

/// The page, and what it asks for.
final class StudioServer: Serving {
  private let settings: ServerSettings
  private let gate: Gate
  private let routes: Routes
  private let documents: DocumentRoutes
  private let pools: [WorkerPool]
  let longestRequest = 3600.0

  init(_ settings: ServerSettings) async throws {
    self.settings = settings
    gate = Gate(token: Gate.newToken(), port: settings.port, name: "rtool-\(Gate.newToken().prefix(12))")
    let store = try DocumentStore(state: settings.state)
    let pool = WorkerPool(count: settings.jobs, program: settings.rtool)
    let previews = WorkerPool(count: 1, program: settings.rtool)
    let viewer = WorkerPool(count: 1, program: settings.rtool)
    pools = [viewer, pool, previews]
    let catalogue = Catalogue(viewer: viewer)
    let hub = EventHub()
    let folder = settings.folder.map { ImageFolder(path: $0) }
    let runs = RunRegistry(
      settings, store, catalogue, pool: pool, previews: previews, viewer: viewer, hub)
    documents = DocumentRoutes(
      store: store, runs: runs, viewer: viewer, hub: hub, folder: folder, longestBody: settings.longestBody)
    var routes = Routes()
    documents.add(to: &routes)
    StudioRoutes(
      settings: settings, catalogue: catalogue, runs: runs, viewer: viewer,
      pictures: FeaturePictures(state: settings.state, catalogue, previews: previews), hub: hub,
      folder: folder
    ).add(to: &routes)
    BatchRoutes(settings: settings, store: store, catalogue: catalogue, hub: hub, folder: folder).add(
      to: &routes)
    PageFiles.add(to: &routes)
    self.routes = routes
  }

  func reply(to request: HTTPRequest) async throws -> Reply {
    if let first = try gate.admit(request) { return first }
    return try await routes.reply(to: request)
  }

  func announce() async {
    var document = ""
    if let image = settings.image, let data = FileManager.default.contents(atPath: image) {
      do {
        let reply = try await documents.open(String(image.split(separator: "/").last ?? "image"), data: data)
        struct Opened: Decodable { let id: String }
        if case .data(let json) = reply.body, let opened = try? JSONDecoder().decode(Opened.self, from: json)
        {
          document = "#\(opened.id)"
        }
      } catch {
        Studio.say("rtool studio: \(image): \((error as? StudioError)?.text ?? "\(error)")")
      }
    }
    Studio.print(gate.address(token: gate.token) + document)
    Studio.say("rtool studio: open this address in a browser of this machine; Ctrl-C ends it")
    if settings.opensBrowser { Browser.open(gate.address(token: gate.ticket.issue()) + document) }
    for pool in pools { await pool.prepare() }
  }
}

/// The files of the page, which are inside the program.
private enum PageFiles {
  static func add(to routes: inout Routes) {
    for index in 0..<studio_page_file_count {
      guard let file = studio_page_file_at(index)?.pointee else { continue }
      let name = String(cString: file.name)
      let type = String(cString: file.content_type)
      let data = Data(
        bytesNoCopy: UnsafeMutableRawPointer(mutating: file.start), count: file.size, deallocator: .none)
      for path in name == "index.html" ? ["/", "/index.html"] : ["/\(name)"] {
        routes.add(.GET, path) { _, _ in .data(data, type: type) }
      }
    }
  }
}

/// The browser of whoever sits here.
private enum Browser {
  static func open(_ address: String) {
    for program in ["/usr/bin/xdg-open", "/usr/bin/sensible-browser", "/usr/bin/open"]
    where access(program, X_OK) == 0 {
      let words = [strdup(program), strdup(address), nil]
      defer { for pointer in words { free(pointer) } }
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
        posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
      }
      var process: pid_t = 0
      if posix_spawn(&process, program, &actions, nil, words, environ) == 0 { return }
    }
  }
}
