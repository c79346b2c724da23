/// Vision transformers (Dosovitskiy et al., arXiv 2010.11929) and DeiT (Touvron et al., arXiv 2012.12877), distilled or
/// not, under the names of torchvision, timm and transformers.
///
/// Tokens are positions of a map. The number of heads cannot be seen in the tensors: without metadata a head has 64
/// channels, and in networks of 1280 channels 80.
enum VisionTransformer: Architecture {
  static let name = "vit"
  static let title = "ViT"

  /// How a library names the parts of a network.
  private struct Names: Sendable {
    let patch, position, classToken, distillationToken: String
    let block: @Sendable (_ block: Int) -> String
    /// Queries, keys and values as one layer, or as three.
    let attention: [(weight: String, bias: String)]
    let projection, norm1, norm2, widening, narrowing: String
    let norm, head, distilledHead: String
    var epsilon: Float = 1e-6

    static let torchvision = Names(
      patch: "conv_proj", position: "encoder.pos_embedding", classToken: "class_token",
      distillationToken: "", block: { "encoder.layers.encoder_layer_\($0)" },
      attention: [("self_attention.in_proj_weight", "self_attention.in_proj_bias")],
      projection: "self_attention.out_proj", norm1: "ln_1", norm2: "ln_2", widening: "mlp.0",
      narrowing: "mlp.3", norm: "encoder.ln", head: "heads.head", distilledHead: "")
    static let timm = Names(
      patch: "patch_embed.proj", position: "pos_embed", classToken: "cls_token",
      distillationToken: "dist_token", block: { "blocks.\($0)" },
      attention: [("attn.qkv.weight", "attn.qkv.bias")], projection: "attn.proj", norm1: "norm1",
      norm2: "norm2", widening: "mlp.fc1", narrowing: "mlp.fc2", norm: "norm", head: "head",
      distilledHead: "head_dist")

    /// - Parameters:
    ///   - model: "vit" or "deit".
    ///   - isNew: whether they are those of transformers 5.
    static func transformers(_ model: String, isNew: Bool) -> Names {
      let embeddings = "\(model).embeddings"
      let attention =
        isNew
        ? ["q_proj", "k_proj", "v_proj"].map { "attention.\($0)" }
        : ["query", "key", "value"].map { "attention.attention.\($0)" }
      return Names(
        patch: "\(embeddings).patch_embeddings.projection", position: "\(embeddings).position_embeddings",
        classToken: "\(embeddings).cls_token", distillationToken: "\(embeddings).distillation_token",
        block: { isNew ? "\(model).layers.\($0)" : "\(model).encoder.layer.\($0)" },
        attention: attention.map { ("\($0).weight", "\($0).bias") },
        projection: isNew ? "attention.o_proj" : "attention.output.dense", norm1: "layernorm_before",
        norm2: "layernorm_after", widening: isNew ? "mlp.fc1" : "intermediate.dense",
        narrowing: isNew ? "mlp.fc2" : "output.dense", norm: "\(model).layernorm",
        head: model == "vit" ? "classifier" : "cls_classifier", distilledHead: "distillation_classifier",
        epsilon: 1e-12)
    }
  }

  private static func names(_ network: NetworkBuilder) -> Names {
    if network.has("conv_proj.weight") { return .torchvision }
    for model in ["vit", "deit"] where network.has("\(model).embeddings.cls_token") {
      return .transformers(model, isNew: network.has("\(model).layers.0.layernorm_before.weight"))
    }
    return .timm
  }

  static func build(_ network: NetworkBuilder) throws -> NetworkTraits {
    let names = names(network)
    network.ignore("vit.pooler.")
    network.ignore("deit.pooler.")
    let activation = try network.activation(.gelu)
    var x = try patches(network, names)
    let patch = x.reduction
    let (embedded, grid, tokens) = try embed(network, x, names)
    x = embedded
    let patches = tokens..<tokens + grid * grid
    network.layer("stem", try network.grid(x, patches, rows: grid))
    let heads = try heads(network, x.channels)

    let blocks = network.count { "\(names.block($0)).\(names.norm1).weight" }
    for block in 0..<blocks {
      x = try self.block(network, x, names.block(block), names, heads, activation)
      network.layer("layer\(block + 1)", try network.grid(x, patches, rows: grid))
    }

    let isDistilled = network.has("\(names.distilledHead).weight")
    if network.has("fc_norm.weight") {
      x = try network.meanPool(try network.positions(x, patches))
      x = try network.layerNorm(x, "fc_norm")
      network.representation(x)
      _ = try network.head(x, names.head)
    } else {
      guard tokens == (isDistilled ? 2 : 1) else {
        throw network.file.refuse(
          "it has \(tokens) tokens before those of patches, and no layer that reads them")
      }
      let all = x
      func token(_ k: Int) throws -> NetworkBuilder.Value {
        try network.layerNorm(try network.positions(all, k..<k + 1), names.norm, epsilon: names.epsilon)
      }
      let first = try token(0)
      network.representation(first)
      let logits = try network.head(first, oldHead(network, names))
      // The logits of the two tokens are averaged.
      if isDistilled {
        let other = try network.linear(try token(1), names.distilledHead)
        _ = try network.scale(try network.add(logits, other), by: 0.5)
      }
    }
    let size = grid * patch
    let kind = isDistilled ? "distilled ViT" : "ViT"
    return NetworkTraits(
      description: "\(kind), \(blocks) blocks of \(x.channels), \(heads) heads, patches of \(patch)",
      side: size, pixels: names.epsilon < 1e-6 ? .centred : .imageNet, fixedSize: (size, size))
  }

  /// DeiT without distillation has the head of a ViT in transformers.
  private static func oldHead(_ network: NetworkBuilder, _ names: Names) -> String {
    network.has("\(names.head).weight") || !network.has("classifier.weight") ? names.head : "classifier"
  }

  /// One position for each patch: by one convolution, or by the four of a convolutional stem (Singh et al., arXiv
  /// 2303.01870) and a linear layer.
  private static func patches(_ network: NetworkBuilder, _ names: Names) throws -> NetworkBuilder.Value {
    let stem = "\(names.patch).stem"
    var x = network.input
    guard network.has("\(stem).0.weight") else {
      let shape = try network.shape("\(names.patch).weight", [nil, 3, nil, nil])
      return try network.convolution(
        x, names.patch, size: shape[2], stride: shape[2], padding: Padding(0), bias: .optional)
    }
    for k in 0..<4 {
      x = try network.convolution(x, "\(stem).\(3 * k)", size: 3, stride: 2, bias: .required)
      x = try network.activation(try network.layerNorm(x, "\(stem).\(3 * k + 1)"), .gelu)
    }
    return try network.linear(x, "\(stem).12")
  }

  /// Adds the position embedding and puts the class token, and the distillation token if there is one, before the patches.
  /// - Returns: the tokens, the side of the square of patches, and how many tokens are before them.
  private static func embed(
    _ network: NetworkBuilder, _ x: NetworkBuilder.Value, _ names: Names
  ) throws -> (NetworkBuilder.Value, grid: Int, tokens: Int) {
    let channels = x.channels
    let names = [names.classToken, names.distillationToken].filter(network.has) + [names.position]
    let tokens = names.count - 1
    let total = try network.shape(names[tokens], [1, nil, channels])[1]
    func side(_ patches: Int) -> Int? {
      guard patches > 0 else { return nil }
      let side = Int(Double(patches).squareRoot().rounded())
      return side * side == patches ? side : nil
    }
    // Some have no positions of the tokens.
    guard let grid = side(total - tokens) ?? side(total) else {
      throw network.file.refuse("\(names[tokens].quoted) has \(total) positions, which are not a square")
    }
    let own = total - grid * grid
    guard own == 0 || own == tokens else {
      throw network.file.refuse("\(names[tokens].quoted) has \(total) positions for \(tokens) tokens")
    }
    let embedding = try network.values(names[tokens], rows: total, columns: channels)
    var map = [Float](repeating: 0, count: channels * grid * grid)
    for p in 0..<grid * grid {
      for c in 0..<channels { map[c * grid * grid + p] = embedding[(own + p) * channels + c] }
    }
    let y = try network.addConstant(x, map, height: grid, width: grid)
    var values: [[Float]] = []
    for k in 0..<tokens {
      var token = try network.values(names[k], count: channels)
      if own > 0 { for c in 0..<channels { token[c] += embedding[k * channels + c] } }
      values.append(token)
    }
    return (try network.tokens(before: y, values), grid, tokens)
  }

  private static func heads(_ network: NetworkBuilder, _ channels: Int) throws -> Int {
    let depth = channels == 1280 ? 80 : 64
    guard let heads = try network.number("heads", in: 1...1024) else {
      guard channels % depth == 0 else {
        throw network.file.refuse("\(channels) channels are not heads of \(depth); give the number of heads")
      }
      network.assume("the heads are assumed to have \(depth) channels")
      return channels / depth
    }
    guard channels % heads == 0 else {
      throw network.file.refuse("\(channels) channels cannot be \(heads) heads")
    }
    return heads
  }

  private static func block(
    _ network: NetworkBuilder, _ x: NetworkBuilder.Value, _ name: String, _ names: Names, _ heads: Int,
    _ activation: Activation
  ) throws -> NetworkBuilder.Value {
    func scaled(_ y: NetworkBuilder.Value, _ scale: String) throws -> NetworkBuilder.Value {
      network.has("\(name).\(scale)") ? try network.scale(y, "\(name).\(scale)") : y
    }
    var y = try network.layerNorm(x, "\(name).\(names.norm1)", epsilon: names.epsilon)
    var parts: [NetworkBuilder.Value] = []
    for layer in names.attention {
      parts.append(
        try network.linear(y, weight: "\(name).\(layer.weight)", bias: "\(name).\(layer.bias)", .optional))
    }
    let width = parts.reduce(0) { $0 + $1.channels }
    guard width == 3 * x.channels, parts.allSatisfy({ $0.channels == width / parts.count }) else {
      throw network.file.refuse("\(name) has \(width) channels of queries, keys and values")
    }
    if parts.count == 1 {
      let all = parts[0]
      parts = try (0..<3).map { try network.slice(all, $0 * x.channels..<($0 + 1) * x.channels) }
    }
    y = try network.attention(parts[0], parts[1], parts[2], heads: heads)
    y = try network.linear(y, "\(name).\(names.projection)")
    let middle = try network.add(try scaled(y, "ls1.gamma"), x)
    y = try network.layerNorm(middle, "\(name).\(names.norm2)", epsilon: names.epsilon)
    // torchvision's first files name the layers.
    let isOld = network.has("\(name).mlp.linear_1.weight")
    y = try network.linear(y, "\(name).\(isOld ? "mlp.linear_1" : names.widening)")
    y = try network.activation(y, activation)
    y = try network.linear(y, "\(name).\(isOld ? "mlp.linear_2" : names.narrowing)")
    return try network.add(try scaled(y, "ls2.gamma"), middle)
  }
}
