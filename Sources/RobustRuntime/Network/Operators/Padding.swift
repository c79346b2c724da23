/// Positions of zeros beyond each edge of a map.
package struct Padding: Sendable, Equatable {
  package var top, left, bottom, right: Int

  package init(top: Int, left: Int, bottom: Int, right: Int) {
    (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
  }

  /// As many positions beyond all edges.
  package init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }
}
