/// The position within 0..<length that stands for one that may lie outside: the side is mirrored beyond its ends, as
/// often as needed, and its outermost pixels stand twice.
public func mirrored(_ position: Int, _ length: Int) -> Int {
  let wrapped = ((position % (2 * length)) + 2 * length) % (2 * length)
  return wrapped < length ? wrapped : 2 * length - 1 - wrapped
}
