import Glibc
import Imaging
import Synchronization

/// The names in folders of results, read as a whole from time to time: what other processes of the batch make is seen without
/// a look at each file, of which there may be a million, looked at by a hundred processes.
final class OutputListing: Sendable {
  enum Sight {
    /// Another process of the same command has made it since this one began.
    case made
    /// It is to be made, or was there before, or somebody is at it.
    case open
    /// It is there, and the folder is to be read again before more is known.
    case unknown
  }

  private struct Listing {
    /// Hashes of the names that were there when this process first looked, and the last time.
    let before: Set<UInt64>
    var now: Set<UInt64>
    /// When the folder was read, and how long that took.
    var time, seconds: Double

    init(of folder: String, before: Set<UInt64>? = nil) {
      let begin = monotonicSeconds()
      now = Set(contents(ofFolder: folder).map(stableHash))
      time = monotonicSeconds()
      seconds = time - begin
      self.before = before ?? now
    }
  }

  private let begin = monotonicSeconds()
  private let listings = Mutex<[String: Listing]>([:])

  /// - Parameter isIdle: whether this process has nothing else to do.
  func look(at output: String, isIdle: Bool) -> Sight {
    let folder = folder(of: output)
    let name = stableHash(String(fileName(of: output)))
    let claim = stableHash(String(fileName(of: Claims.path(output))))
    return listings.withLock { listings in
      var listing = listings[folder] ?? Listing(of: folder)
      defer { listings[folder] = listing }
      if listing.before.contains(name) { return .open }
      var isMade: Bool { listing.now.contains(name) && !listing.now.contains(claim) }
      if isMade { return .made }
      if !fileExists(output) { return .open }
      guard monotonicSeconds() >= listing.time + pause(listing, isIdle) else { return .unknown }
      listing = Listing(of: folder, before: listing.before)
      return isMade ? .made : .open
    }
  }

  /// Seconds until the folder is read again, so that this takes a small part of all time.
  private func pause(_ listing: Listing, _ isIdle: Bool) -> Double {
    let least = 20 * listing.seconds
    return isIdle ? max(least, 0.2) : max(least, 5, (listing.time - begin) / 20)
  }
}
