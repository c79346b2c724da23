import CRTool
import Glibc
import RobustRuntime

/// What plugins prepared once, for all runs of a process, which may overlap: each object is made by one of them, and the
/// others wait.
final class PreparedObjects: @unchecked Sendable {
  private struct Key: Hashable {
    let model: ObjectIdentifier
    let name: String
  }

  private struct Object {
    let memory: UnsafeMutableRawPointer
    let bytes: Int
  }

  private var objects: [Key: Object] = [:]
  /// Recursive, since what is prepared may be made of something else that is.
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  init() {
    var kind = pthread_mutexattr_t()
    pthread_mutexattr_init(&kind)
    pthread_mutexattr_settype(&kind, Int32(PTHREAD_MUTEX_RECURSIVE))
    pthread_mutex_init(lock, &kind)
    pthread_mutexattr_destroy(&kind)
  }

  deinit {
    for object in objects.values { free(object.memory) }
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  /// The object of that name for that model, filled in by `make` where there is none yet.
  /// - Parameter make: what it throws is thrown, and nothing is kept.
  func object(
    _ name: String, for model: Classifier, bytes: Int, make: (UnsafeMutableRawPointer) throws -> Void
  ) throws -> UnsafeRawPointer {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    let key = Key(model: ObjectIdentifier(model), name: name)
    if let known = objects[key] {
      guard known.bytes == bytes else {
        throw Failure.misuse(
          "\(quoted(name)) was prepared with \(known.bytes) bytes, and now \(bytes) are asked for")
      }
      return UnsafeRawPointer(known.memory)
    }
    guard let memory = Run.zeroedMemory(bytes) else { throw Failure.noMemory() }
    do {
      try make(memory)
    } catch {
      free(memory)
      throw error
    }
    objects[key] = Object(memory: memory, bytes: bytes)
    return UnsafeRawPointer(memory)
  }
}

extension Run {
  func addPreparation(to host: inout rtool_host) {
    host.prepared = { host, key, bytes, make, user in
      let run = Run.of(host)
      var object: UnsafeRawPointer?
      _ = run.statusOnRunThread {
        guard let key, let make else { throw Failure.misuse("what is prepared needs a key and a function") }
        object = try run.prepared.object(
          String(cString: key), for: HostState.of(host).classifier, bytes: Int(clamping: bytes)
        ) { memory in
          let status = make(host, memory, user)
          if status == Int32(RTOOL_STOPPED) { throw Failure.interrupted }
          if status != Int32(RTOOL_OK) {
            throw run.failure ?? .failed("\(quoted(String(cString: key))) could not be prepared")
          }
        }
      }
      return object
    }
  }
}
