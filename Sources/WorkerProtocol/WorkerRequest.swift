/// What a worker, `rtool --work`, is asked on its standard input: one JSON object on each line. It answers each with
/// events and an end (`WorkerEvent`), one after the other; `stop` and `finish` have no answer of their own.
public enum WorkerRequest: Codable, Sendable {
  /// All tasks that can be used. Ends with `tasks`.
  case tasks
  /// All models that can be found. Ends with `models`.
  case models
  /// The names by which the default model's features are asked for. Ends with `names`.
  case features
  /// Opens an image that may soon be worked on. Ends with `done`.
  case open(file: String)
  /// A command of a task. Ends with `done`.
  case run(TaskRun)
  /// A part of an image as it is shown. Ends with `image`.
  case view(ImageView)
  /// What an image file is. Ends with `facts`.
  case inspect(file: String)
  /// An image file as a file of another format. Ends with `done`.
  case convert(file: String, output: String, quality: Int?)
  /// A mask of an image's size, of a part of it. Ends with `done`.
  case mask(MaskPart)
  /// Ends the run that is going on as Ctrl-C does.
  case stop
  /// Ends the ascents of the run that is going on: its result is made of what there is.
  case finish

  public struct TaskRun: Codable, Sendable {
    /// The task's name, and the words behind it.
    public var arguments: [String]
    /// Where the files that they name lie.
    public var folder: String
    /// Whether iterates are wanted.
    public var isWatched: Bool
    /// The longest side of the copies that it is done on instead of the images themselves, with lengths in pixels to
    /// match; nil: on these.
    public var longestSide: Int?

    public init(arguments: [String], folder: String, isWatched: Bool, longestSide: Int? = nil) {
      (self.arguments, self.folder) = (arguments, folder)
      (self.isWatched, self.longestSide) = (isWatched, longestSide)
    }
  }

  public struct ImageView: Codable, Sendable {
    public var file: String
    /// In pixels of the image; nil: all of it.
    public var area: PixelRectangle?
    /// Longest side of what is shown of it, in pixels; it is never enlarged.
    public var longestSide: Int

    public init(file: String, area: PixelRectangle? = nil, longestSide: Int) {
      (self.file, self.area, self.longestSide) = (file, area, longestSide)
    }
  }

  public struct MaskPart: Codable, Sendable {
    /// The file of the image that the mask is for.
    public var image: String
    /// The file of the part: white is marked. nil: nothing is.
    public var part: String?
    /// Where it lies, in pixels of the image; all else is black.
    public var area: PixelRectangle
    /// A PNG file.
    public var output: String

    public init(image: String, part: String?, area: PixelRectangle, output: String) {
      (self.image, self.part, self.area, self.output) = (image, part, area, output)
    }
  }
}

/// A rectangle of pixels.
public struct PixelRectangle: Codable, Sendable, Equatable {
  public var x: Int, y: Int, width: Int, height: Int

  public init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }
}
