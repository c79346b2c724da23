// likeliest MODEL.safetensors CLASS: follows the gradient of a class from grey, and tells what the model then sees.
//
//     swift run likeliest photos.safetensors lion

import RobustRuntime

guard CommandLine.arguments.count == 3 else { fatalError("usage: likeliest MODEL.safetensors CLASS") }
let classifier = try Classifier(contentsOf: CommandLine.arguments[1])
let facts = classifier.facts
guard let wanted = facts.classes.firstIndex(of: CommandLine.arguments[2]) else {
  fatalError("\(facts.name) knows \(facts.classes.joined(separator: ", "))")
}

let grey = ImageBatch(count: 1, height: facts.side, width: facts.side, repeating: 0.5)
var settings = AscentSettings(steps: 20, stepSize: 1)
settings.set = .l2(radius: 20)
let outcome = try classifier.ascend(
  from: grey, objective: Objective([Objective.Term(.crossEntropy([ClassWeight(wanted)]))]), settings: settings
)

let logits = try classifier.logits(outcome.images)
let likeliest = logits.indices.max { logits[$0] < logits[$1] }!
print("\(facts.classes[likeliest]), loss \(outcome.startLosses[0]) to \(outcome.losses[0])")
