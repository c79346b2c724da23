import RobustRuntime

/// Plain operators in double precision: what the fast ones are measured against. Maps are
/// [image][channel][row][column].
struct OracleMap: Equatable {
  var count, channels, height, width: Int
  var values: [Double]

  init(_ count: Int, _ channels: Int, _ height: Int, _ width: Int, _ values: [Double]? = nil) {
    (self.count, self.channels, self.height, self.width) = (count, channels, height, width)
    self.values = values ?? [Double](repeating: 0, count: count * channels * height * width)
  }

  func index(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Int { ((n * channels + c) * height + y) * width + x }
}

/// The operators of one test case.
enum OracleOperator {
  case convolution(
    out: Int, height: Int, width: Int, stride: Int, pad: Int, groups: Int, weights: [Double], bias: [Double])
  case affine(scale: [Double], shift: [Double])
  case relu
  case add(OracleMap)
  case maxPool(size: Int, stride: Int, pad: Int)
  case meanPool

  func apply(_ x: OracleMap) -> OracleMap {
    switch self {
    case .convolution(let out, let kh, let kw, let stride, let pad, let groups, let weights, let bias):
      var y = OracleMap(
        x.count, out, (x.height + 2 * pad - kh) / stride + 1, (x.width + 2 * pad - kw) / stride + 1)
      let (ins, outs) = (x.channels / groups, out / groups)
      /// Those of a window's rows or columns that lie on the map.
      func taps(_ at: Int, of size: Int, on extent: Int) -> Range<Int> {
        let first = max(0, pad - at * stride)
        return first..<max(first, min(size, extent + pad - at * stride))
      }
      for n in 0..<y.count {
        for o in 0..<out {
          for qy in 0..<y.height {
            let rows = taps(qy, of: kh, on: x.height)
            for qx in 0..<y.width {
              let columns = taps(qx, of: kw, on: x.width)
              var sum = bias[o]
              for i in 0..<ins {
                for ky in rows {
                  let weight = ((o * ins + i) * kh + ky) * kw
                  let from = x.index(n, o / outs * ins + i, qy * stride + ky - pad, qx * stride - pad)
                  for kx in columns { sum += weights[weight + kx] * x.values[from + kx] }
                }
              }
              y.values[y.index(n, o, qy, qx)] = sum
            }
          }
        }
      }
      return y
    case .affine(let scale, let shift):
      var y = x
      for i in y.values.indices {
        let c = i / (x.height * x.width) % x.channels
        y.values[i] = x.values[i] * scale[c] + shift[c]
      }
      return y
    case .relu:
      var y = x
      for i in y.values.indices { y.values[i] = max(x.values[i], 0) }
      return y
    case .add(let other):
      var y = x
      for i in y.values.indices { y.values[i] += other.values[i] }
      return y
    case .maxPool(let size, let stride, let pad):
      var y = OracleMap(
        x.count, x.channels, (x.height + 2 * pad - size) / stride + 1, (x.width + 2 * pad - size) / stride + 1
      )
      for n in 0..<y.count {
        for c in 0..<y.channels {
          for qy in 0..<y.height {
            for qx in 0..<y.width {
              var best = -Double.infinity
              for py in max(qy * stride - pad, 0)..<min(qy * stride - pad + size, x.height) {
                for px in max(qx * stride - pad, 0)..<min(qx * stride - pad + size, x.width) {
                  best = max(best, x.values[x.index(n, c, py, px)])
                }
              }
              y.values[y.index(n, c, qy, qx)] = best
            }
          }
        }
      }
      return y
    case .meanPool:
      var y = OracleMap(x.count, x.channels, 1, 1)
      for n in 0..<x.count {
        for c in 0..<x.channels {
          let first = x.index(n, c, 0, 0)
          let area = x.height * x.width
          y.values[n * x.channels + c] = x.values[first..<first + area].reduce(0, +) / Double(area)
        }
      }
      return y
    }
  }
}
