//! The OpenAPI document of the contract's methods, made from their descriptors, their options and their comments.

mod comments;
mod schema;
mod spans;

use std::sync::Arc;

use homepot::{
    access::Audience,
    contract::{Method, Repeat, field_rule},
};
use prost_reflect::{DescriptorPool, Kind, ServiceDescriptor};
use serde_json::{Map, Value, json};

use self::{
    comments::Comments,
    schema::{Schemas, Way},
};
use super::{Route, csv};

/// Where the document is.
pub(crate) const DOCUMENT_PATH: &str = "/api/v2/openapi.json";
const BASE: &str = include_str!("base.json");

/// The document of `routes`.
pub(super) fn document(pool: &DescriptorPool, routes: &[(&Method, Arc<Route>)], version: &str) -> Value {
    let comments = Comments::of(pool);
    let mut schemas = Schemas { comments: &comments, named: Default::default() };
    let mut paths = Map::new();
    let mut services: Vec<ServiceDescriptor> = Vec::new();
    for (method, route) in routes {
        let service = route.descriptor.parent_service().clone();
        if !services.contains(&service) {
            services.push(service);
        }
        let item = paths.entry(route.http.path).or_insert_with(|| json!({}));
        item[route.http.verb.to_lowercase()] = operation(method, route, &mut schemas);
    }
    let tags: Vec<_> = services
        .iter()
        .map(|service| {
            let description = comments.before(&service.parent_file(), service.path());
            json!({"name": service.name(), "description": description})
        })
        .collect();
    // What no descriptor tells: what the API is, how callers show who they are, and what errors look like.
    let mut document: Value = serde_json::from_str(BASE).unwrap_or_default();
    document["info"]["version"] = version.into();
    document["tags"] = tags.into();
    document["paths"] = paths.into();
    for (name, schema) in schemas.named {
        document["components"]["schemas"][name] = schema;
    }
    document
}

fn operation(method: &Method, route: &Route, schemas: &mut Schemas<'_>) -> Value {
    let descriptor = &route.descriptor;
    let service = descriptor.parent_service().name();
    let comment = schemas.comments.before(&descriptor.parent_file(), descriptor.path());
    let (summary, rest) = comment.split_once("\n\n").unwrap_or((&comment, ""));
    let description = format!("{rest}\n\nWho may: {}. {}", who(method.audience), repeat(method.repeat));
    let mut operation = json!({
        "operationId": format!("{}_{}", service.strip_suffix("Service").unwrap_or(service), descriptor.name()),
        "tags": [service],
        "summary": summary,
        "description": description.trim_start(),
        "parameters": parameters(route, schemas),
        "responses": responses(route, schemas),
    });
    if route.http.has_body() {
        let in_path: Vec<_> = route.http.fields_in_path().collect();
        let (schema, required) = schemas.body(&descriptor.input(), &in_path);
        operation["requestBody"] = json!({"required": required, "content": {"application/json": {"schema": schema}}});
    }
    operation
}

fn parameters(route: &Route, schemas: &mut Schemas<'_>) -> Vec<Value> {
    let request = route.descriptor.input();
    let in_path = route.http.fields_in_path().filter_map(|name| request.get_field_by_name(name));
    let in_path = in_path.map(|field| (field.name().to_owned(), field, "path"));
    let in_query = route.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.field.clone(), "query"));
    let all = in_path.chain(in_query).map(|(name, field, place)| {
        let description = schemas.comments.before(&field.parent_file(), field.path());
        let schema = match (field.kind(), field_rule(field.full_name())) {
            // A parameter without a value is refused.
            (Kind::String, Some(rule)) if !field.is_list() => schema::text(rule, true),
            _ => schemas.field(&field, Way::In),
        };
        let required = place == "path" || schema::is_required(&field);
        json!({"name": name, "in": place, "required": required, "description": description, "schema": schema})
    });
    all.collect()
}

fn responses(route: &Route, schemas: &mut Schemas<'_>) -> Value {
    let answer = route.descriptor.output();
    let description = schemas.comments.before(&answer.parent_file(), answer.path());
    let schema = schemas.message(&answer, Way::Out);
    let of = |form: &str| if form == csv::MEDIA_TYPE { json!({"type": "string"}) } else { schema.clone() };
    let content: Map<_, _> =
        route.forms().into_iter().map(|form| (form.to_owned(), json!({"schema": of(form)}))).collect();
    json!({
        "200": {"description": description, "content": content},
        "default": {
            "description": "401, 403, 404, 406, 409, 413, 422, 429, 503 or 504",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        },
    })
}

fn who(audience: Audience) -> String {
    match audience {
        Audience::Operator(role) => {
            format!("an operator with the role {} or a higher one, at its sites", role.as_str())
        }
        Audience::FleetAdmin => "an admin that is bound to no site".to_owned(),
        Audience::Device | Audience::Enrollee | Audience::Anyone => "no operator".to_owned(),
    }
}

fn repeat(repeat: Repeat) -> &'static str {
    match repeat {
        Repeat::Safe => "It changes nothing.",
        Repeat::Idempotent => "A repeat changes nothing more.",
        Repeat::ByKey { .. } => "A repeat with the same `idempotency_key` makes nothing new.",
        Repeat::Never => "A repeat acts again, or is refused.",
    }
}

#[cfg(test)]
mod tests {
    use homepot::contract::METHODS;

    use super::*;
    use crate::tests::answer;

    #[tokio::test]
    async fn the_document_has_every_method_with_its_caller_and_its_words() {
        let (status, document) = answer("GET", DOCUMENT_PATH, &[], "").await;
        assert_eq!((status.as_u16(), &document["openapi"]), (200, &json!("3.1.0")));
        let mut ids = std::collections::BTreeSet::new();
        for (method, http) in METHODS.iter().filter_map(|method| Some((method, method.http?))) {
            let operation = &document["paths"][http.path][http.verb.to_lowercase()];
            let told = operation["description"].as_str().unwrap_or_default();
            assert!(told.contains(&format!("Who may: {}", who(method.audience))), "{}: {operation}", method.path);
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{}", method.path);
            assert!(ids.insert(operation["operationId"].to_string()), "{}", method.path);
        }
        let queue = &document["paths"]["/api/v2/devices/{device_id}/commands"]["post"];
        let body = queue["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
        assert_eq!(body, "#/components/schemas/command.v1.QueueRequest.In");
        let body = document.pointer(&body[1..]).unwrap();
        assert!(body["properties"]["command_type"]["description"].as_str().unwrap().contains("What to do"), "{body}");
        let listed = &document["paths"]["/api/v2/devices"]["get"]["parameters"];
        let site = listed.as_array().unwrap().iter().find(|parameter| parameter["name"] == "site_id").unwrap();
        assert_eq!(site["schema"]["minLength"], 1, "a parameter without a value is refused");
        assert!(site["schema"]["pattern"].as_str().unwrap().contains("{0,63}$"), "{site}");
        assert!(body["properties"].get("device_id").is_none(), "what is in the path is not in the body");
        let watch = &document["paths"]["/api/v2/watch/commands"]["get"]["responses"]["200"]["content"];
        assert!(watch["text/event-stream"]["schema"]["$ref"].is_string(), "{watch}");
        assert!(watch.get("text/csv").is_none(), "what never ends is no table");
        let sites = &document["paths"]["/api/v2/sites"]["get"]["responses"]["200"]["content"];
        assert!(sites["text/csv"].is_object() && sites["application/json"].is_object(), "{sites}");
    }

    #[tokio::test]
    async fn every_reference_in_the_document_leads_somewhere() {
        let (_, document) = answer("GET", DOCUMENT_PATH, &[], "").await;
        let mut references = Vec::new();
        collect_references(&document, &mut references);
        assert!(references.len() > 50, "{}", references.len());
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some_and(|schema| !schema.is_null()), "{reference}");
        }
    }

    fn collect_references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| collect_references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| collect_references(value, found)),
            _ => {}
        }
    }
}
