/// Values by their keys, in the order in which they were last used.
struct RecentlyUsed<Key: Hashable, Value> {
  /// The one that was used last is the last.
  private(set) var entries: [(key: Key, value: Value)] = []

  /// The value of a key, which is now the one that was used last; nil: there is none.
  mutating func value(_ key: Key) -> Value? {
    guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
    entries.append(entries.remove(at: index))
    return entries.last!.value
  }

  /// Keeps the value of a key that has none.
  mutating func keep(_ value: Value, for key: Key) { entries.append((key, value)) }

  /// Drops what was not used for longest, of which there has to be one.
  @discardableResult
  mutating func dropOldest() -> Value { entries.removeFirst().value }
}
