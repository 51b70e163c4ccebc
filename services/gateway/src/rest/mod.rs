//! Every method for operators over REST, translated from the contract alone: a new method needs no line here.
//!
//! A method is found at the path of its option `google.api.http`. Its request is the body as proto3's JSON, or the query; its
//! answer is JSON with the names of the contract, and a stream of answers is a stream of server-sent events. Who may call it
//! is decided by the services: the gateway passes the caller's token on.

mod accept;
mod codec;
mod csv;
mod events;
mod message;
mod openapi;
mod parameters;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRequestParts as _, RawPathParams, Request, State},
    response::{IntoResponse as _, Response, sse::Event},
    routing::{MethodFilter, get, on},
};
use homepot::{
    Error, Kind,
    contract::{self, Http, Method, Repeat},
};
use http::{header, request::Parts, uri::PathAndQuery};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tonic::{Status, Streaming, client::Grpc};

pub(crate) use self::openapi::DOCUMENT_PATH;
use self::{codec::DynamicCodec, csv::Table, message::Reader, parameters::Parameter};
use crate::{
    App,
    backend::{Carrier, DEADLINE, within_deadline},
    body,
    caller::{Caller, Operator},
    error::{ApiError, Fault, Place},
    headers,
    lists::{Page, Walk},
};

/// A client of server-sent events says by this field where it left off, and an event's id is what the answer has in it.
const CURSOR: &str = "cursor";
/// The field that makes a repeat harmless, and the header that does the same.
const IDEMPOTENCY_KEY: (&str, &str) = ("idempotency_key", "idempotency-key");

/// By these fields of requests and answers one walks a list.
const PAGE_SIZE: &str = "page_size";
const PAGE_TOKEN: &str = "page_token";
const NEXT_PAGE_TOKEN: &str = "next_page_token";
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// A method with all that is needed to translate it.
struct Route {
    descriptor: MethodDescriptor,
    path: PathAndQuery,
    http: Http,
    repeat: Repeat,
    /// The query's parameters; none where the request is a body.
    parameters: Vec<Parameter>,
    /// How its answers become a table, where they can.
    table: Option<Arc<Table>>,
}

/// The routes of the contract, and the document that describes them.
pub(crate) fn translated(version: &str) -> Router<App> {
    let mut pool = DescriptorPool::new();
    match contract::parts().try_for_each(|part| pool.decode_file_descriptor_set(part.descriptors)) {
        Ok(()) => router(&pool, contract::methods(), version),
        Err(error) => {
            tracing::error!(%error, "the contract's descriptors can not be read; REST goes without its methods");
            Router::new()
        }
    }
}

/// The routes of all `methods` that have a path. Their descriptors are looked up in `pool`.
fn router<'a>(pool: &DescriptorPool, methods: impl Iterator<Item = &'a Method>, version: &str) -> Router<App> {
    let with_path = methods.filter_map(|method| Some((method, method.http?)));
    let found = with_path.filter_map(|(method, http)| {
        let route = Route::new(pool, method, http);
        if route.is_none() {
            tracing::error!(
                method = method.path,
                "the descriptors lack a method of the contract; REST goes without it"
            );
        }
        Some((method, Arc::new(route?)))
    });
    let routes: Vec<_> = found.collect();
    let document: Arc<str> = openapi::document(pool, &routes, version).to_string().into();
    let serve_document = get(move || {
        let document = document.to_string();
        async move { ([(header::CONTENT_TYPE, "application/json")], document) }
    });
    let router = Router::new().route(openapi::DOCUMENT_PATH, serve_document);
    routes.into_iter().fold(router, |router, (_, route)| {
        let (path, filter) = (route.http.path, filter(route.http.verb));
        let handler = move |State(app): State<App>, request: Request| answer(app, route.clone(), request);
        router.route(path, on(filter, handler))
    })
}

fn filter(verb: &str) -> MethodFilter {
    match verb {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}

impl Route {
    fn new(pool: &DescriptorPool, method: &Method, http: Http) -> Option<Self> {
        let (service, name) = method.path.strip_prefix('/')?.split_once('/')?;
        let descriptor = pool.get_service_by_name(service)?.methods().find(|method| method.name() == name)?;
        let in_path: Vec<_> = http.fields_in_path().collect();
        let parameters = match http.has_body() {
            true => Vec::new(),
            false => parameters::of(&descriptor.input(), &in_path),
        };
        let (path, table) = (PathAndQuery::from_static(method.path), Table::of(&descriptor).map(Arc::new));
        Some(Self { descriptor, path, http, repeat: method.repeat, parameters, table })
    }

    /// The forms in which the answer can be had, the usual one first.
    fn forms(&self) -> Vec<&'static str> {
        let usual = if self.descriptor.is_server_streaming() { EVENTS } else { JSON };
        [usual].into_iter().chain(self.table.as_ref().map(|_| csv::MEDIA_TYPE)).collect()
    }

    fn codec(&self) -> DynamicCodec {
        DynamicCodec { answer: self.descriptor.output() }
    }

    /// Where a field is found in the HTTP request.
    fn place(&self, way: &[Place]) -> Vec<Place> {
        let name = |name: &str| Place::Name(name.to_owned());
        match way.first() {
            Some(Place::Name(first)) if self.http.fields_in_path().any(|field| field == first) => {
                [&[name("path")], way].concat()
            }
            _ if self.http.has_body() => [&[name("body")], way].concat(),
            _ => {
                let names = way.iter().filter_map(|place| match place {
                    Place::Name(name) => Some(name.as_str()),
                    Place::At(_) => None,
                });
                vec![name("query"), Place::Name(names.collect::<Vec<_>>().join("."))]
            }
        }
    }

    /// What a service refused, with the fields at fault where the HTTP request has them.
    fn refusal(&self, status: &Status) -> ApiError {
        let error = Error::from(status);
        if error.kind() != Kind::Invalid || error.field_violations().is_empty() {
            return ApiError::from(status);
        }
        let faults = error.field_violations().iter().map(|violation| {
            let way: Vec<_> = violation.field.split('.').map(|name| Place::Name(name.to_owned())).collect();
            let msg = format!("{} {}", violation.field, violation.reason);
            Fault { kind: "value_error".to_owned(), loc: self.place(&way), msg }
        });
        ApiError::invalid(faults.collect())
    }
}

async fn answer(app: App, route: Arc<Route>, request: Request) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let Operator(caller) = Operator::from_request_parts(&mut parts, &app).await?;
    let form = accept::choose(&parts.headers, &route.forms())?;
    let message = read(&app, &route, &mut parts, body).await?;
    let call = Call { app, route, caller };
    let table = call.route.table.clone().filter(|_| form == csv::MEDIA_TYPE);
    match (call.route.descriptor.is_server_streaming(), table) {
        (true, None) => call.stream(message).await,
        (true, Some(table)) => call.series(message, table).await,
        (false, None) => Ok(Json(Shown(call.unary(message).await?)).into_response()),
        (false, Some(table)) => call.list(message, table).await,
    }
}

/// The message that path, query, headers and body are, or every fault of them.
async fn read(app: &App, route: &Route, parts: &mut Parts, body: Body) -> Result<DynamicMessage, ApiError> {
    let in_path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| ApiError::not_found())?;
    let query = parts.uri.query().unwrap_or_default();
    let (mut object, mut faults) = parameters::read(&route.parameters, query);
    if route.http.has_body() {
        object = body::object(parts, body, app).await?;
    }
    read_headers(route, parts, &mut object, &mut faults);
    for (name, value) in &in_path {
        if object.insert(name.to_owned(), Value::String(value.to_owned())).is_some() {
            let told = "This field is in the path; leave it out of the body";
            faults.push(Fault::of_field(name, "extra_forbidden", told));
        }
    }
    let mut reader = Reader { place: |way: &[Place]| route.place(way), faults };
    let message = reader.message(&route.descriptor.input(), object, &[]);
    if reader.faults.is_empty() { Ok(message) } else { Err(ApiError::invalid(reader.faults)) }
}

/// Fields that clients send as headers: where they left off, and the key that makes a repeat harmless.
fn read_headers(route: &Route, parts: &Parts, object: &mut Map<String, Value>, faults: &mut Vec<Fault>) {
    let mut header = |name| {
        headers::text(&parts.headers, name).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        })
    };
    let resumes =
        route.descriptor.is_server_streaming() && route.descriptor.input().get_field_by_name(CURSOR).is_some();
    if resumes && let Some(cursor) = header(events::LAST_EVENT_ID) {
        // A browser sends it by itself when it comes back, and repeats the URL it had at first.
        object.insert(CURSOR.to_owned(), Value::String(cursor));
    }
    let (field, name) = IDEMPOTENCY_KEY;
    if matches!(route.repeat, Repeat::ByKey { .. })
        && let Some(key) = header(name)
        && object.insert(field.to_owned(), Value::String(key)).is_some()
    {
        faults.push(Fault::of_field(field, "too_many", "The header Idempotency-Key says this too; give it once"));
    }
}

/// A caller who calls a method.
#[derive(Clone)]
struct Call {
    app: App,
    route: Arc<Route>,
    caller: Caller,
}

impl Call {
    async fn unary(&self, message: DynamicMessage) -> Result<DynamicMessage, ApiError> {
        let mut client = self.app.services.dynamic();
        let mut request = self.caller.request(message);
        request.set_timeout(DEADLINE);
        let answered = async {
            ready(&mut client).await?;
            client.unary(request, self.route.path.clone(), self.route.codec()).await
        };
        within_deadline(&self.caller, answered, |status| self.route.refusal(status)).await
    }

    async fn open(&self, message: DynamicMessage) -> Result<Streaming<DynamicMessage>, ApiError> {
        let mut client = self.app.services.dynamic();
        let request = self.caller.request(message);
        let answered = async {
            ready(&mut client).await?;
            client.server_streaming(request, self.route.path.clone(), self.route.codec()).await
        };
        within_deadline(&self.caller, answered, |status| self.route.refusal(status)).await
    }

    async fn stream(self, message: DynamicMessage) -> Result<Response, ApiError> {
        let messages = self.open(message).await?;
        let mut is_first = true;
        let told = move |message| event(message, std::mem::take(&mut is_first));
        Ok(events::answer(self.caller, messages, told))
    }

    /// All pages of a list as one table, from the page that the request asks for on.
    async fn list(self, request: DynamicMessage, table: Arc<Table>) -> Result<Response, ApiError> {
        let token = text(&request, PAGE_TOKEN);
        let size = request.get_field_by_name(PAGE_SIZE).and_then(|size| size.as_u32()).filter(|size| *size > 0);
        let fetch = move |size: u32, token: String| -> Page<DynamicMessage> {
            let (call, mut request) = (self.clone(), request.clone());
            Box::pin(async move {
                // What is no list in pages has no such fields.
                let _ = request.try_set_field_by_name(PAGE_SIZE, prost_reflect::Value::U32(size));
                let _ = request.try_set_field_by_name(PAGE_TOKEN, prost_reflect::Value::String(token));
                let answer = call.unary(request).await?;
                let next = text(&answer, NEXT_PAGE_TOKEN);
                Ok((vec![answer], next))
            })
        };
        csv::body(table, Walk::from(token, size.unwrap_or(csv::PAGE_SIZE), fetch)).await
    }

    /// A whole stream as one table, a message in memory at a time.
    async fn series(self, request: DynamicMessage, table: Arc<Table>) -> Result<Response, ApiError> {
        let messages = Arc::new(Mutex::new(self.open(request).await?));
        let fetch = move |_, _| -> Page<DynamicMessage> {
            let (messages, call) = (messages.clone(), self.clone());
            Box::pin(async move {
                let mut messages = messages.lock().await;
                let next = async { messages.message().await.map(tonic::Response::new) };
                let next = within_deadline(&call.caller, next, |status| call.route.refusal(status)).await?;
                let token = if next.is_some() { "more" } else { "" };
                Ok((Vec::from_iter(next), token.to_owned()))
            })
        };
        csv::body(table, Walk::from(String::new(), 0, fetch)).await
    }
}

async fn ready(client: &mut Grpc<Carrier>) -> Result<(), Status> {
    client.ready().await.map_err(|error| Status::unknown(error.to_string()))
}

/// The text in a field of that name; empty where there is none.
fn text(message: &DynamicMessage, name: &str) -> String {
    message.get_field_by_name(name).and_then(|text| Some(text.as_str()?.to_owned())).unwrap_or_default()
}

/// The message as an event, with what it says of how far the caller has seen as its id.
fn event(message: DynamicMessage, is_first: bool) -> Result<Event, ApiError> {
    let cursor = text(&message, CURSOR);
    // While nothing changes a cursor comes alone from time to time: an id without data, which clients only remember. The first
    // answer is shown even so, for it says that there is nothing yet.
    let is_alone = !is_first && !cursor.is_empty() && message.fields().all(|(field, _)| field.name() == CURSOR);
    let event = match is_alone {
        true => Event::default(),
        false => Event::default().json_data(Shown(message)).map_err(|_| ApiError::internal())?,
    };
    Ok(events::with_id(event, cursor))
}

/// A message as JSON: with the names of the contract, and with fields that hold nothing, so that a reader finds each of them.
struct Shown(DynamicMessage);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
        self.0.serialize_with_options(serializer, &options)
    }
}

#[cfg(test)]
mod tests;
