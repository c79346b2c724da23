/// How a file was understood: what was found in it, and what was assumed.
package struct ModelOrigin: Sendable, Equatable {
  /// Where something is known from.
  package enum Source: String, Sendable {
    /// The file itself.
    case file
    /// A configuration file in the same folder.
    case beside
    /// The user, with --model-info.
    case said
    /// What such networks usually have.
    case assumed
  }

  /// "PyTorch", "safetensors", "ONNX, opset 20, by pytorch 2.15.0"
  package var format: String
  /// Where in the file the weights are: "state_dict"; empty: nowhere within anything else.
  package var place = ""
  /// What else in the file holds tensors, and was not read.
  package var otherPlaces: [String] = []
  /// What was taken from the names of the tensors, such as "module.".
  package var prefixes: [String] = []
  /// Tensors that are none of the network.
  package var leftOut: [String] = []
  /// By what the pixels are normalised, by channel.
  package var mean, deviation: [Float]
  package var normalizationSource: Source
  /// The data set whose classes were assumed; nil: their names were found, or there are none.
  package var assumedClasses: String?
  package var namesClasses: Bool
  package var sizeSource: Source
  /// What else was assumed or left out, a sentence each.
  package var notes: [String] = []
}
