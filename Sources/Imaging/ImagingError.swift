import Glibc

/// What went wrong, in one line for the user: the name of the input or output, what is wrong with it,
/// and what can be done.
public struct ImagingError: Error, CustomStringConvertible, Equatable, Sendable {
  public enum Kind: Sendable {
    /// libvips cannot be loaded.
    case libraryMissing
    /// The bytes of an input cannot be had.
    case unreadable
    /// The input is in no format that is read here.
    case notAnImage
    /// The input is truncated or corrupt.
    case damaged
    /// More pixels or bytes than the limits allow.
    case tooLarge
    /// It takes more memory than there is.
    case noMemory
    /// Known, but not handled: a pixel type, a format that this libvips cannot write, ...
    case unsupported
    /// A mask that may be meant in several ways.
    case ambiguous
    /// An option or argument is out of its range.
    case invalidArgument
    /// The output cannot be written.
    case unwritable
    /// The output was to be a new file, and there is one.
    case exists
    /// There is no space left for the output.
    case diskFull
    /// Who was reading the output has stopped.
    case closedPipe
    /// An operation on pixels failed, for want of memory for instance.
    case failed
  }

  public let kind: Kind
  public let description: String

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// The file `name` has the format, and is damaged.
  static func damaged(_ name: String, _ format: Format, _ why: String) -> ImagingError {
    ImagingError(.damaged, name, "this \(format.title) file is damaged: \(why)")
  }

  init(_ kind: Kind, _ name: String, _ text: String) {
    self.init(kind, "\(name): \(text)")
  }

  /// Whether memory or threads are what it failed for.
  var lacksResources: Bool {
    description.contains("out of memory") || description.contains(VipsError.noThread)
  }

  /// The failure of a system call that reads.
  static func reading(_ name: String, errno code: Int32) -> ImagingError {
    ImagingError(.unreadable, name, plainWords(errno: code))
  }

  /// The failure of a system call that writes.
  static func writing(_ name: String, errno code: Int32) -> ImagingError {
    switch code {
    case ENOSPC, EDQUOT: ImagingError(.diskFull, name, "\(plainWords(errno: code)); nothing was written")
    case EPIPE: ImagingError(.closedPipe, name, "the reader has closed the pipe")
    default: ImagingError(.unwritable, name, plainWords(errno: code))
    }
  }
}

private func plainWords(errno code: Int32) -> String {
  switch code {
  case ENOENT: "there is no such file or folder"
  case ENOTDIR: "a part of its path is not a folder"
  case EISDIR: "it is a folder, not a file"
  case EACCES, EPERM: "permission denied"
  case EROFS: "it is on a read-only file system"
  case ENOSPC: "the disk is full"
  case EDQUOT: "the disk quota is used up"
  case EFBIG: "the file would be larger than the system allows"
  case ELOOP: "too many symbolic links"
  case ENAMETOOLONG: "the name is too long"
  case EMFILE, ENFILE: "too many files are open"
  default: String(cString: strerror(code)).lowercased()
  }
}
