import Glibc

/// Why photos cannot be used: one line for the user that names what is wrong and says what to do.
public struct DatasetError: Error, Equatable, CustomStringConvertible, Sendable {
  public enum Kind: Sendable {
    /// A file or folder that was named is not there or cannot be read.
    case unreadable
    /// An archive is in no known format, truncated or corrupt.
    case damagedArchive
    /// A line of a list file is not a path, a tab and a class.
    case badList
    case tooFewClasses
    /// A class has no photo that can be read.
    case emptyClass
    /// A photo is in two parts that must share none.
    case sharedPhotos
    /// A library that is loaded at run time is not installed.
    case libraryMissing
    /// The cache's folder or file cannot be used.
    case cache
    case diskFull
    /// The caller asked to stop.
    case interrupted
  }

  public let kind: Kind
  public let description: String

  init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  static var interrupted: DatasetError { DatasetError(.interrupted, "interrupted") }

  /// The failure of a system call that reads.
  static func reading(_ path: String, errno code: Int32) -> DatasetError {
    DatasetError(.unreadable, "\(path): \(plainWords(errno: code))")
  }

  /// The failure of a system call on the cache.
  static func cache(_ path: String, errno code: Int32) -> DatasetError {
    switch code {
    case ENOSPC, EDQUOT, EFBIG:
      DatasetError(
        .diskFull,
        "\(path): \(plainWords(errno: code)); free some space or choose another folder with --cache")
    default:
      DatasetError(.cache, "\(path): \(plainWords(errno: code)); choose another folder with --cache")
    }
  }
}

func plainWords(errno code: Int32) -> String {
  switch code {
  case ENOENT: "there is no such file or folder"
  case ENOTDIR: "a part of its path is not a folder"
  case EACCES, EPERM: "permission denied"
  case EROFS: "it is on a read-only file system"
  case ENOSPC: "the disk is full"
  case EDQUOT: "the disk quota is used up"
  case EFBIG: "the file would be larger than the system allows"
  case ELOOP: "too many symbolic links"
  default: String(cString: strerror(code)).lowercased()
  }
}
