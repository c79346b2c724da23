import RobustRuntime
import Testing

/// Each pass from graph to graph: what it joins, and what it leaves alone.
@Suite struct LoweringTests {
  private func graph() -> Graph { Graph(mean: [0, 0, 0], deviation: [1, 1, 1]) }

  private func convolution(_ ins: Int, _ outs: Int, size: Int = 1) -> Graph.Operator {
    .convolution(
      Convolution(
        inChannels: ins, outChannels: outs, height: size, width: size,
        weights: uniform("w", ins * outs * size * size)))
  }

  private func affine(_ channels: Int) -> Graph.Operator {
    .batchNormalization(ChannelAffine(scale: uniform("s", channels), shift: uniform("t", channels)))
  }

  private func names(_ graph: Graph) -> [String] { graph.nodes.map(\.operator.name) }

  @Test func normalisationIsFoldedIntoTheConvolutionBeforeIt() {
    var graph = graph()
    let x = graph.add(convolution(3, 8), 0)
    let y = graph.add(affine(8), x)
    _ = graph.add(convolution(8, 4), y)
    #expect(names(graph.foldingNormalization()) == ["input", "convolution", "convolution"])
  }

  @Test func normalisationOfWhatIsReadElsewhereStays() {
    var graph = graph()
    let x = graph.add(convolution(3, 8), 0)
    let y = graph.add(affine(8), x)
    _ = graph.add(.add, y, x)
    #expect(names(graph.foldingNormalization()) == ["input", "convolution", "batchNormalization", "add"])
    var layered = self.graph()
    let z = layered.add(convolution(3, 8), 0)
    layered.layers.append(Graph.Layer(name: "stem", node: z))
    _ = layered.add(affine(8), z)
    #expect(names(layered.foldingNormalization()).count == 3)
  }

  @Test func aSumJoinsTheLaterConvolution() throws {
    var graph = graph()
    let a = graph.add(convolution(3, 8), 0)
    let b = graph.add(convolution(3, 8), 0)
    _ = graph.add(.add, b, a)
    let fused = graph.fusingResiduals()
    #expect(names(fused) == ["input", "convolution", "convolution"])
    #expect(fused.nodes[2].inputs == [0, 1])
  }

  @Test func aSumOfOneMapTwiceStays() {
    var graph = graph()
    let a = graph.add(convolution(3, 8), 0)
    _ = graph.add(.add, a, a)
    #expect(names(graph.fusingResiduals()) == ["input", "convolution", "add"])
  }

  @Test func aReLUJoinsWhatItClips() {
    var graph = graph()
    let a = graph.add(convolution(3, 8), 0)
    let b = graph.add(.activation(.relu6), a)
    _ = graph.add(.activation(.relu), b)
    let fused = graph.fusingActivations()
    // A second one finds the first.
    #expect(names(fused) == ["input", "convolution", "activation"])
    #expect(fused.nodes[1].activation == .relu6)
    var other = self.graph()
    _ = other.add(.activation(.gelu), other.add(convolution(3, 8), 0))
    #expect(names(other.fusingActivations()) == ["input", "convolution", "activation"])
  }

  @Test func concatenationsAreNested() {
    var graph = graph()
    let maps = (0..<4).map { _ in graph.add(convolution(3, 16), 0) }
    for count in 2...4 { _ = graph.add(.concatenation, Array(maps[..<count])) }
    let nested = graph.nestingConcatenations()
    #expect(nested.nodes[5].inputs == [1, 2])
    #expect(nested.nodes[6].inputs == [5, 3])
    #expect(nested.nodes[7].inputs == [6, 4])
  }

  @Test func aWindowOfTheWholeMapIsLinear() {
    var graph = graph()
    let pooled = graph.add(.adaptiveAveragePool(height: 7, width: 7), 0)
    _ = graph.add(convolution(3, 8, size: 7), pooled)
    let flat = graph.flatteningWholeMaps()
    #expect(names(flat) == ["input", "adaptiveAveragePool", "flatten", "convolution"])
    // A larger map has several places for the window.
    var other = self.graph()
    _ = other.add(convolution(3, 8, size: 7), other.add(.adaptiveAveragePool(height: 8, width: 8), 0))
    #expect(names(other.flatteningWholeMaps()).count == 3)
  }

  @Test func theLastActivationIsBeforeTheRepresentation() {
    func last(_ build: (inout Graph) -> Int) -> Int? {
      var graph = graph()
      let node = build(&graph)
      graph.layers.append(Graph.Layer(name: "representation", node: node))
      return graph.lastActivation
    }
    #expect(last { $0.add(.meanPool, $0.add(.activation(.silu), $0.add(convolution(3, 8), 0))) } == 2)
    #expect(last { $0.add(.meanPool, $0.add(affine(8), $0.add(.activation(.relu), 0))) } == 1)
    #expect(last { $0.add(.meanPool, $0.add(convolution(3, 8), $0.add(.activation(.relu), 0))) } == nil)
    #expect(last { $0.add(.positions(0..<1), $0.add(.add, $0.add(.activation(.gelu), 0), 0)) } == nil)
  }

  /// A densely connected block has one memory: each map lies where the last concatenation has it.
  @Test func joinedMapsLieInOneMemory() throws {
    var graph = graph()
    var maps = [graph.add(convolution(3, 32), 0)]
    for _ in 0..<2 {
      let joined = graph.add(.concatenation, maps)
      let channels = 32 + 16 * (maps.count - 1)
      maps.append(graph.add(convolution(channels, 16), graph.add(affine(channels), joined)))
    }
    _ = graph.add(.concatenation, maps)
    let network = Network(graph)
    let plan = try Plan(network, images: 1, height: 4, width: 4, gradient: true)
    let hosted = plan.tensors.filter { $0.host != nil }
    // Three maps, and the inner of two concatenations.
    #expect(hosted.count == 4)
    #expect(hosted.allSatisfy { $0.host != nil })
    let root = plan.tensors[plan.logits]
    let outermost = hosted.filter { $0.host === root }
    #expect(outermost.map(\.value).min() == root.value)
    #expect(Set(outermost.map { $0.value - root.value }) == [0, 3 * root.blockStride])
  }
}
