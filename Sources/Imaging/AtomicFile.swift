import CVips
import Glibc

/// Replaces a file, or makes it, in one step: a temporary file beside it is written, synchronised with the
/// disk and renamed. On any error it is removed, and what was there stays. Mode and, where permitted, owner
/// of an existing file are kept.
/// - Parameter isNew: the file may not be there yet: throws `exists` where it is, or where another process makes it first.
func replaceFile(_ path: String, with bytes: UnsafeRawBufferPointer, name: String, isNew: Bool = false)
  throws(ImagingError)
{
  let place = folder(of: path)
  let temporary = place + "/.rtool-" + randomName() + ".tmp"
  let slot = pending_output_add(temporary)
  defer { pending_output_remove(slot) }
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
  guard descriptor >= 0 else { throw folderFailure(errno, name, place) }
  var code = writeAll(bytes, to: descriptor)
  if code == nil, !isNew { takeOver(ownerAndModeOf: path, descriptor) }
  if code == nil, fsync(descriptor) != 0, errno != EINVAL { code = errno }
  if close(descriptor) != 0, code == nil, errno != EINTR { code = errno }
  var isClaimed = false
  if code == nil, isNew {
    code = claim(path)
    isClaimed = code == nil
  }
  if code == nil, rename(temporary, path) != 0 { code = errno }
  if let code {
    unlink(temporary)
    if isClaimed { unlink(path) }
    if code == EEXIST { throw ImagingError(.exists, name, "it is there already") }
    throw .writing(name, errno: code)
  }
  synchronise(folder: place)
}

/// Makes an empty file, which of several processes only one can do; nil, or the error number.
private func claim(_ path: String) -> Int32? {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
  guard descriptor >= 0 else { return errno }
  close(descriptor)
  return nil
}

private func takeOver(ownerAndModeOf path: String, _ descriptor: Int32) {
  var status = stat()
  guard stat(path, &status) == 0 else { return }
  var own = stat()
  if fstat(descriptor, &own) == 0, (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid) {
    _ = fchown(descriptor, status.st_uid, status.st_gid)
  }
  _ = fchmod(descriptor, status.st_mode & 0o777)
}

/// Makes the rename itself last. What can be done is done: some file systems know no such thing.
private func synchronise(folder: String) {
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  fsync(descriptor)
  close(descriptor)
}

private func folderFailure(_ code: Int32, _ name: String, _ place: String) -> ImagingError {
  let folder = place == "." ? "this folder" : place
  return switch code {
  case ENOENT: ImagingError(.unwritable, name, "there is no folder \(folder)")
  case EACCES, EPERM: ImagingError(.unwritable, name, "no permission to write in \(folder)")
  case EROFS: ImagingError(.unwritable, name, "\(folder) is on a read-only file system")
  default: .writing(name, errno: code)
  }
}

private func randomName() -> String {
  String(UInt64.random(in: .min ... .max), radix: 36)
}

/// Writes all bytes; nil, or the error number. A closed pipe is EPIPE and no signal.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
  withoutPipeSignal {
    var rest = bytes
    while !rest.isEmpty {
      // A single call writes at most 2 GiB.
      let count = Glibc.write(descriptor, rest.baseAddress!, min(rest.count, 1 << 30))
      if count > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if count < 0, errno == EAGAIN {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&waiting, 1, -1)
      } else if count < 0, errno != EINTR {
        return errno
      }
    }
    return nil
  }
}

/// Blocks SIGPIPE in this thread, and takes it away if it was raised meanwhile.
private func withoutPipeSignal(_ body: () -> Int32?) -> Int32? {
  var pipeOnly = sigset_t()
  var before = sigset_t()
  var pending = sigset_t()
  sigemptyset(&pipeOnly)
  sigaddset(&pipeOnly, SIGPIPE)
  sigpending(&pending)
  let wasPending = sigismember(&pending, SIGPIPE) == 1
  pthread_sigmask(SIG_BLOCK, &pipeOnly, &before)
  let code = body()
  if code == EPIPE, !wasPending {
    var now = timespec()
    sigtimedwait(&pipeOnly, nil, &now)
  }
  pthread_sigmask(SIG_SETMASK, &before, nil)
  return code
}
