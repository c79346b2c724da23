import FlyingFox
import Foundation
import Glibc
import WorkerProtocol

/// What a request hands in for a task: texts by the parameters' names, and files.
package struct TaskForm: Sendable {
  /// Values of each parameter; of files their names in the folder.
  package private(set) var texts: [String: [String]] = [:]
  /// Names in the folder.
  package private(set) var files: Set<String> = []

  /// Bytes of one text, and of all.
  static let longestText = 64 << 10, longestTexts = 1 << 20
  private static let longestJSON = 4 << 20
  private static let kindsOfFiles: Set = ["image", "mask", "file", "model"]
  /// Options of the host that take a file.
  private static let optionsOfFiles: Set = ["model", "model-info"]

  /// Reads the body of a request; its files are written into the folder as they arrive.
  /// - Parameter most: bytes of all of it.
  /// - Throws: `StudioError`
  static func read(
    _ request: HTTPRequest, for task: TaskDescription, into folder: RequestFolders.Folder, most: Int
  ) async throws -> TaskForm {
    let reader = Exchange.current?.body ?? BodyReader(request)
    let tooLarge = StudioError(.tooLarge, "the request has more than \(most >> 20) megabytes")
    if let length = reader.length, length > most { throw tooLarge }
    var form = TaskForm()
    let type = request.headers[.contentType].flatMap { HeaderValue($0) }
    switch type?.value {
    case "multipart/form-data":
      var parser = try MultipartParser(boundary: type?["boundary"] ?? "")
      var parts = Parts(task, folder)
      var count = 0
      while let data = try await reader.next() {
        count += data.count
        if count > most { throw tooLarge }
        try parser.feed(data) { try parts.take($0, &form) }
      }
      try parser.finish()
    case "application/json":
      let data = try await request.body(upTo: min(most, longestJSON))
      form.texts = try Self.texts(ofJSON: data)
    case nil where reader.length == 0: break
    default:
      throw StudioError(
        .unsupported,
        "a task is asked for with multipart/form-data, or with application/json if no file goes with it"
      )
    }
    return form
  }

  /// - Parameter data: an object of texts, numbers, booleans, and arrays of these, by parameters.
  package static func texts(ofJSON data: Data) throws -> [String: [String]] {
    do {
      return try JSONDecoder().decode([String: Values].self, from: data).mapValues(\.texts)
    } catch {
      throw StudioError(
        .badRequest, "the request is no JSON object of texts, numbers, booleans and arrays of these")
    }
  }

  /// As the command line takes them.
  private struct Values: Decodable {
    let texts: [String]

    init(from decoder: any Decoder) throws {
      if var array = try? decoder.unkeyedContainer() {
        var texts: [String] = []
        while !array.isAtEnd { texts += try array.decode(Value.self).text.map { [$0] } ?? [] }
        self.texts = texts
      } else {
        texts = try Value(from: decoder).text.map { [$0] } ?? []
      }
    }

    /// nil: null.
    private struct Value: Decodable {
      let text: String?

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
          text = nil
        } else if let flag = try? container.decode(Bool.self) {
          text = flag ? "yes" : "no"
        } else if let number = try? container.decode(Int.self) {
          text = String(number)
        } else if let number = try? container.decode(Double.self) {
          text = String(number)
        } else {
          text = try container.decode(String.self)
        }
      }
    }
  }

  /// The parts of a form as they come.
  private struct Parts {
    private let parameters: [String: ParameterDescription]
    private let task: String
    private let folder: RequestFolders.Folder
    private var name = ""
    private var text = Data()
    private var textCount = 0
    private var file: (name: String, descriptor: OpenFile)?

    init(_ task: TaskDescription, _ folder: RequestFolders.Folder) {
      (self.task, self.folder) = (task.name, folder)
      parameters = Dictionary(task.parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    mutating func take(_ event: MultipartParser.Event, _ form: inout TaskForm) throws {
      switch event {
      case .begin(let part):
        guard let parameter = parameters[part.name] else {
          throw StudioError(.badRequest, "\(task) has no parameter \(part.name.prefix(60))")
        }
        (name, text, file) = (part.name, Data(), nil)
        guard let fileName = part.fileName else { return }
        guard
          parameter.isHost ? optionsOfFiles.contains(part.name) : kindsOfFiles.contains(parameter.kind)
        else { throw StudioError(.badRequest, "\(part.name) takes a text, and not a file") }
        let free = SafeName.free(SafeName(fileName).text, isTaken: form.files.contains)
        file = (free, try OpenFile("\(folder.path)/\(free)"))
        form.files.insert(free)
      case .data(let data):
        if let file {
          try folder.claim(data.count)
          return try file.descriptor.write(data, named: name)
        }
        text.append(data)
        textCount += data.count
        guard text.count <= longestText, textCount <= longestTexts else {
          throw StudioError(
            .tooLarge, "the text of \(name) is too long, or all texts together are; a file needs a file name")
        }
      case .end:
        if let file {
          form.texts[name, default: []].append(file.name)
          self.file = nil
        } else {
          form.texts[name, default: []].append(String(decoding: text, as: UTF8.self))
        }
      }
    }
  }

  /// A new file that is being written.
  private final class OpenFile {
    private let descriptor: Int32

    init(_ path: String) throws {
      descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else { throw StudioError.writing("a file of the request", errno: errno) }
    }

    deinit { close(descriptor) }

    func write(_ data: Data, named name: String) throws {
      try data.withUnsafeBytes { bytes in
        var done = 0
        while done < bytes.count {
          let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
          if count < 0, errno == EINTR { continue }
          guard count > 0 else { throw StudioError.writing("the file of \(name)", errno: errno) }
          done += count
        }
      }
    }
  }
}
