/// How large a change is.
package enum Norm: String, CaseIterable, Sendable {
  case l2, linf

  package func size(_ change: [Float]) -> Double {
    switch self {
    case .l2: dot(change, change).squareRoot()
    case .linf: Double(change.reduce(0) { max($0, abs($1)) })
    }
  }
}

/// - Precondition: both have as many values.
package func dot(_ a: [Float], _ b: [Float]) -> Double {
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      var sum = 0.0
      for i in 0..<a.count { sum += Double(a[i]) * Double(b[i]) }
      return sum
    }
  }
}

/// a + share · b.
package func sum(_ a: [Float], _ b: [Float], share: Double = 1) -> [Float] {
  let share = Float(share)
  return [Float](unsafeUninitializedCapacity: a.count) { out, count in
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        for i in 0..<a.count { out[i] = a[i] + share * b[i] }
      }
    }
    count = a.count
  }
}
