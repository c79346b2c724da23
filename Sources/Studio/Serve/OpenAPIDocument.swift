import WorkerProtocol

/// The description of all paths (OpenAPI 3.1), from the manifests.
package struct OpenAPIDocument {
  let tasks: [TaskDescription]
  let version: String

  package init(_ tasks: [TaskDescription], version: String) { (self.tasks, self.version) = (tasks, version) }

  package var document: JSONNode {
    var paths: [String: JSONNode] = [
      "/healthz": [
        "get": [
          "operationId": "health", "summary": "Whether the server answers", "security": [],
          "responses": ["200": Self.answer("It does.", Self.json(["type": "object"]))],
        ]
      ],
      "/metrics": [
        "get": [
          "operationId": "metrics", "summary": "What the server has done, for Prometheus",
          "responses": Self.responses([
            "200": Self.answer("Samples.", ["text/plain": ["schema": ["type": "string"]]])
          ]),
        ]
      ],
      "/v1/tasks": [
        "get": [
          "operationId": "tasks", "summary": "All tasks, with what they take as JSON Schema",
          "responses": Self.responses([
            "200": Self.answer("Tasks.", Self.json(["type": "array", "items": ["type": "object"]]))
          ]),
        ]
      ],
      "/v1/openapi.json": [
        "get": [
          "operationId": "openapi", "summary": "This document",
          "responses": Self.responses(["200": Self.answer("It.", Self.json(["type": "object"]))]),
        ]
      ],
    ]
    for task in tasks { paths["/v1/tasks/\(task.name)"] = path(of: task) }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "rtool", "version": .text(version), "summary": "Image synthesis with a robust classifier",
      ],
      "security": [["token": []]],
      "paths": .object(paths),
      "components": [
        "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
        "schemas": ["Fault": Self.fault, "Answer": Self.jsonAnswer],
        "responses": [
          "Fault": Self.answer(
            "Why it was not done, in one sentence.", Self.json(["$ref": "#/components/schemas/Fault"]))
        ],
      ],
    ]
  }

  private func path(of task: TaskDescription) -> JSONNode {
    let form = TaskSchema(task).form
    var content: [String: JSONNode] = ["multipart/form-data": ["schema": form]]
    if !task.needsImage { content["application/json"] = ["schema": form] }
    var answers = Self.json(["$ref": "#/components/schemas/Answer"])
    if task.makesImage { answers["image/*"] = ["schema": ["type": "string", "format": "binary"]] }
    var operation: JSONNode = [
      "operationId": .text("task-\(task.name)"), "summary": .text(task.summary),
      "requestBody": ["content": .object(content), "required": .flag(task.needsImage)],
      "responses": Self.responses(["200": Self.answer("What came of it.", answers)]),
    ]
    if !task.description.isEmpty { operation["description"] = .text(task.description) }
    return ["post": operation]
  }

  private static func json(_ schema: JSONNode) -> JSONNode { ["application/json": ["schema": schema]] }

  private static func answer(_ description: String, _ content: JSONNode) -> JSONNode {
    ["description": .text(description), "content": content]
  }

  private static func responses(_ own: JSONNode) -> JSONNode {
    var all = own
    all["default"] = ["$ref": "#/components/responses/Fault"]
    return all
  }

  private static let fault: JSONNode = [
    "type": "object", "required": ["error"], "properties": ["error": ["type": "string"]],
  ]

  private static let jsonAnswer: JSONNode = [
    "type": "object", "required": ["outputs", "warnings", "seconds", "command"],
    "properties": [
      "outputs": [
        "type": "array",
        "items": [
          "type": "object", "required": ["name", "type", "base64"],
          "properties": [
            "name": ["type": "string"], "type": ["type": "string"],
            "base64": ["type": "string", "contentEncoding": "base64"],
          ],
        ],
      ],
      "text": ["type": "string", "description": "what the task printed"],
      "report": [
        "description": "with the option json: what was made and how, and the task's own JSON as result"
      ],
      "warnings": ["type": "array", "items": ["type": "string"]],
      "seconds": ["type": "number"],
      "seed": ["type": "integer"],
      "command": ["type": "string", "description": "the command that does the same"],
    ],
  ]
}
