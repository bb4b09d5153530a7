//! The description of the API (OpenAPI 3.1), made of its table.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::endpoint::{Document, Endpoint, Given, Schemas};
use super::query::Kind;
use super::{DOCUMENT, ROOT};

/// Problems that any line may answer, beside those of its own.
const PROBLEMS: [(u16, &str); 11] = [
    (400, "What was sent cannot be read."),
    (401, "No token, or none that is in force here."),
    (403, "The token is not for this, or its role does not permit it."),
    (404, "What was named does not exist."),
    (409, "How things stand is in the way."),
    (413, "What was sent is too large."),
    (414, "The path and its query are too long."),
    (415, "What was sent is of another media type."),
    (422, "What was sent is not what is asked for."),
    (429, "Asked too often; Retry-After says how long to wait."),
    (503, "The server cannot do this now."),
];

/// The whole description.
pub(super) fn text(endpoints: &[Endpoint]) -> String {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Schemas::new();
    for endpoint in endpoints {
        let operations = paths.entry(endpoint.path).or_default();
        operations.insert(endpoint.method.as_str().to_lowercase(), operation(endpoint));
        let given = match &endpoint.gives {
            Given::Document(document) => Some(document),
            Given::Nothing | Given::Csv => None,
        };
        for document in endpoint.takes.iter().chain(given) {
            (document.schemas)(&mut schemas);
        }
    }
    paths.entry(DOCUMENT).or_default().insert("get".to_owned(), own());
    let mut components: BTreeMap<String, Value> = BTreeMap::new();
    for (name, schema) in schemas {
        components.entry(name).or_insert_with(|| serde_json::to_value(schema).unwrap_or_default());
    }
    components.insert("Problem".to_owned(), problem());
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tagus",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What administrators may ask, for programs. Every request shows a token; \
                            its scopes and its role say what it may. Lists are read page by page: \
                            `next` is the path of the following one.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": responses(),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "tagus_…" },
            },
        },
    });
    document.to_string()
}

fn reference(document: &Document) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", document.name) })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut parameters: Vec<Value> = endpoint.path.split('/').filter_map(part).collect();
    parameters.extend(endpoint.params.iter().map(|param| {
        let mut parameter = json!({
            "name": param.name,
            "in": "query",
            "required": false,
            "description": param.says,
            "schema": param.kind.schema(),
        });
        if matches!(param.kind, Kind::Words(_)) {
            // One parameter with commas.
            parameter["explode"] = json!(false);
        }
        parameter
    }));
    let scope = endpoint.rule.scope.map_or("", |scope| scope.name());
    let mut answers = failures();
    let mut done = json!({ "description": "Done." });
    match &endpoint.gives {
        Given::Document(document) => {
            done["content"] = json!({ "application/json": { "schema": reference(document) } });
        }
        Given::Csv => done["content"] = json!({ "text/csv": { "schema": { "type": "string" } } }),
        Given::Nothing => {}
    }
    answers.insert(endpoint.status.as_u16().to_string(), done);
    let mut operation = json!({
        "operationId": endpoint.name.replace('.', "_"),
        "tags": [tag(endpoint.path)],
        "summary": endpoint.summary,
        "description": format!("Needs the scope `{scope}`."),
        "parameters": parameters,
        "responses": answers,
        "security": [{ "token": [scope] }],
    });
    if let Some(document) = &endpoint.takes {
        let mut content = json!({ "application/json": { "schema": reference(document) } });
        if endpoint.longest_csv > 0 {
            content["text/csv"] = json!({});
        }
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

/// The first word behind the root.
fn tag(path: &str) -> &str {
    let rest = path.strip_prefix(ROOT).unwrap_or(path);
    rest.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// A part of a path that takes any value.
fn part(part: &str) -> Option<Value> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    let schema = json!({ "type": "string", "minLength": 1 });
    Some(json!({ "name": name, "in": "path", "required": true, "schema": schema }))
}

fn failures() -> Map<String, Value> {
    let reference = |(status, _): (u16, &str)| {
        let place = format!("#/components/responses/{status}");
        (status.to_string(), json!({ "$ref": place }))
    };
    let mut all: Map<String, Value> = PROBLEMS.into_iter().map(reference).collect();
    // Nobody reads such a request far enough to say more.
    let says = json!({ "description": "The head of the request is too large." });
    all.insert("431".to_owned(), says);
    all
}

fn responses() -> Map<String, Value> {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    let response = |(status, says): (u16, &str)| {
        let content = json!({ "application/problem+json": { "schema": schema } });
        (status.to_string(), json!({ "description": says, "content": content }))
    };
    PROBLEMS.into_iter().map(response).collect()
}

/// A problem document (RFC 9457).
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "description": "Always about:blank." },
            "title": { "type": "string", "description": "The status in words." },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What happened, and what to do." },
        },
    })
}

/// The description of the description.
fn own() -> Value {
    let mut answers = failures();
    answers.insert(
        "200".to_owned(),
        json!({
            "description": "This document.",
            "content": { "application/json": { "schema": { "type": "object" } } },
        }),
    );
    json!({
        "operationId": "openapi",
        "tags": ["openapi.json"],
        "summary": "This description",
        "description": "Any token will do, and so does being signed in to the console.",
        "parameters": [],
        "responses": answers,
        "security": [{ "token": [] }],
    })
}
