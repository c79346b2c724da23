/// What `rtool studio` and `rtool serve` hand over to the program that serves, as its one argument.
public struct ServerSettings: Codable, Sendable {
  public enum Kind: String, Codable, Sendable {
    /// A page for the person at this machine.
    case studio
    /// Tasks for other programs.
    case serve
  }

  private enum CodingKeys: CodingKey {
    case kind, rtool, version, port, opensBrowser, image, folder, state, jobs, processors, longestBody,
      longestRun
    case longestQueue
  }

  public var kind: Kind
  /// The program that workers are.
  public var rtool: String
  public var version: String
  /// 0: any that is free.
  public var port: Int
  public var opensBrowser = true
  /// A file that is opened at once.
  public var image: String?
  /// A folder whose images can be opened.
  public var folder: String?
  /// Where documents and their history are kept.
  public var state: String
  /// What programs have to say to be served; nil: a new one. It is no part of what is handed over, but stands in the
  /// environment.
  public var token: String?
  /// Tasks that are done at once.
  public var jobs = 1
  /// Processors of this machine that are given.
  public var processors = 1
  /// Bytes of one request.
  public var longestBody = 512 << 20
  /// Seconds after which a run is ended.
  public var longestRun: Double = 3600
  /// Runs that may wait.
  public var longestQueue = 64

  /// The variable of the environment that has the token.
  public static let tokenVariable = "RTOOL_TOKEN"

  public init(kind: Kind, rtool: String, version: String, port: Int, state: String) {
    (self.kind, self.rtool, self.version) = (kind, rtool, version)
    (self.port, self.state) = (port, state)
  }
}
