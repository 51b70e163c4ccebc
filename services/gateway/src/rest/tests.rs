//! Tests of requests on their way to a service, and of the errors of those that are refused before.

use homepot::{contract::METHODS, pb::FILE_DESCRIPTOR_SET};
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

use super::*;
use crate::tests::{OPERATOR, answer};

fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap()
}

fn route(name: &str) -> Route {
    let method = METHODS.iter().find(|method| method.path.ends_with(name)).unwrap();
    Route::new(&pool(), method, method.http.unwrap()).unwrap()
}

/// The message that a query and an object are, as JSON, or the faults.
fn message(route: &Route, query: &str, body: Value) -> Result<Value, Value> {
    let (mut object, faults) = parameters::read(&route.parameters, query);
    if let Value::Object(body) = body {
        object.extend(body);
    }
    let mut reader = Reader { place: |way: &[Place]| route.place(way), faults };
    let message = reader.message(&route.descriptor.input(), object, &[]);
    match reader.faults.is_empty() {
        true => Ok(brief(&message)),
        false => Err(serde_json::to_value(reader.faults).unwrap()),
    }
}

fn brief(message: &DynamicMessage) -> Value {
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

#[test]
fn a_query_is_read_by_the_names_of_fields_and_the_way_to_them() {
    let list = route("/ListActivities");
    let query = "filter.activity_type=ACTIVITY_TYPE_CLICK&filter.start_time=2026-01-31T12:00:00+01:00&page_size=7";
    let filter = json!({"activity_type": "ACTIVITY_TYPE_CLICK", "start_time": "2026-01-31T11:00:00Z"});
    assert_eq!(message(&list, query, Value::Null), Ok(json!({"filter": filter, "page_size": 7})));
    let query = "metrics=METRIC_CPU_PERCENT&metrics=METRIC_LOAD_1M&resolution=300s&device_ids=a";
    let due = json!({"metrics": ["METRIC_CPU_PERCENT", "METRIC_LOAD_1M"], "resolution": "300s", "device_ids": ["a"]});
    assert_eq!(message(&route("TelemetryService/Query"), query, Value::Null), Ok(due));
    let all = message(&route("/RemoveSimulatedDevices"), "all=true", Value::Null);
    assert_eq!(all, Ok(json!({"all": true})));
}

#[test]
fn every_fault_of_a_query_is_told_with_its_parameter() {
    let list = route("/ListActivities");
    let query = "page=1&page_token=&page_size=1&page_size=2&filter.activity_type=CLICK&filter.start_time=today";
    let faults = message(&list, query, Value::Null).unwrap_err();
    let told: Vec<_> =
        faults.as_array().unwrap().iter().map(|fault| (&fault["loc"], fault["msg"].as_str().unwrap())).collect();
    let near = "There is no such parameter; did you mean 'page_size'?";
    assert!(told.contains(&(&json!(["query", "page"]), near)), "{told:?}");
    for name in ["page_token", "page_size", "filter.activity_type", "filter.start_time"] {
        assert!(told.iter().any(|(loc, _)| **loc == json!(["query", name])), "{name}: {told:?}");
    }
    assert!(told.iter().any(|(_, msg)| msg.contains("ACTIVITY_TYPE_PAGE_VIEW or ACTIVITY_TYPE_CLICK")), "{told:?}");
}

#[test]
fn a_body_is_read_by_both_names_of_its_fields() {
    let queue = route("CommandService/Queue");
    let due = json!({"command_type": "PING", "time_to_live": "600s", "payload": {"a": [1.0, null]}});
    let snake =
        json!({"command_type": "PING", "time_to_live": "600s", "payload": {"a": [1, null]}, "run_timeout": null});
    let camel = json!({"commandType": "PING", "timeToLive": "600s", "payload": {"a": [1, null]}});
    assert_eq!(message(&queue, "", snake), Ok(due.clone()));
    assert_eq!(message(&queue, "", camel), Ok(due));
}

#[test]
fn every_fault_of_a_body_is_told_with_the_way_to_it() {
    let body = json!({
        "target": {"device_ids": "till-7", "fleet": "yes", "sites": []},
        "command_type": 7, "max_in_flight": -1, "payload": {"n": 9_007_199_254_740_993_u64}, "time_to_live": "5m",
    });
    let faults = message(&route("/StartRun"), "", body).unwrap_err();
    let mut places: Vec<_> = faults.as_array().unwrap().iter().map(|fault| fault["loc"].to_string()).collect();
    places.sort();
    let due = [
        r#"["body","command_type"]"#,
        r#"["body","max_in_flight"]"#,
        r#"["body","payload"]"#,
        r#"["body","target","device_ids"]"#,
        r#"["body","target","fleet"]"#,
        r#"["body","target","sites"]"#,
        r#"["body","time_to_live"]"#,
    ];
    assert_eq!(places, due, "{faults}");
}

#[test]
fn a_fault_that_a_service_finds_is_told_where_the_request_has_the_field() {
    let refusal = |name: &str, field: &str| {
        let error = route(name).refusal(&Status::from(Error::invalid(field, "is too long")));
        serde_json::to_value(error.body()).unwrap()["detail"][0].clone()
    };
    let due = |loc: Value, msg: &str| json!({"type": "value_error", "loc": loc, "msg": msg});
    assert_eq!(refusal("/GetSite", "site_id"), due(json!(["path", "site_id"]), "site_id is too long"));
    assert_eq!(refusal("/ListSites", "page_size"), due(json!(["query", "page_size"]), "page_size is too long"));
    let nested = due(json!(["body", "target", "site_id"]), "target.site_id is too long");
    assert_eq!(refusal("/StartRun", "target.site_id"), nested);
}

#[tokio::test]
async fn every_method_for_operators_has_a_route_that_wants_a_token_first_and_refuses_what_it_does_not_know() {
    let mut routes = 0;
    for http in METHODS.iter().filter_map(|method| method.http) {
        let path = http.path.replace(['{', '}'], "");
        let (status, _) = answer(http.verb, &format!("{path}?no_such_parameter=x"), &[], "no json").await;
        assert_eq!(status, 401, "{} {path}", http.verb);
        let (status, told) = answer(http.verb, &format!("{path}?no_such_parameter=x"), &OPERATOR, "{}").await;
        assert_eq!(
            (status.as_u16(), &told["detail"][0]["loc"][1]),
            (422, &json!("no_such_parameter")),
            "{path}: {told}"
        );
        // The services are out of reach here, which is as far as a request without fault gets.
        let (status, told) = answer(http.verb, &path, &OPERATOR, "").await;
        assert_eq!(status, 503, "{} {path}: {told}", http.verb);
        routes += 1;
    }
    assert_eq!(routes, METHODS.iter().filter(|method| method.http.is_some()).count());
    assert!(routes > 40, "{routes}");
}

#[tokio::test]
async fn a_body_does_not_repeat_what_the_path_says() {
    let (status, told) = answer("POST", "/api/v2/devices/a/commands", &OPERATOR, r#"{"device_id": "b"}"#).await;
    assert_eq!((status.as_u16(), &told["detail"][0]["loc"]), (422, &json!(["body", "device_id"])), "{told}");
}

#[tokio::test]
async fn a_key_against_repeats_is_a_field_or_a_header_and_never_both() {
    let header = [OPERATOR[0], ("idempotency-key", "k-1")];
    let path = "/api/v2/devices/a/commands";
    assert_eq!(answer("POST", path, &header, r#"{"command_type": "PING"}"#).await.0, 503);
    let (status, told) = answer("POST", path, &header, r#"{"idempotency_key": "k-2"}"#).await;
    assert_eq!((status.as_u16(), &told["detail"][0]["loc"]), (422, &json!(["body", "idempotency_key"])), "{told}");
}

/// What handlers share, with services that are out of reach.
fn app() -> App {
    let out_of_reach =
        tower::service_fn(|_| async { Ok::<_, tonic::codegen::StdError>(Status::unavailable("no route").into_http()) });
    let services = tower::util::BoxCloneSyncService::new(out_of_reach);
    App::new(crate::tests::config(true), services)
}

/// The contract with one method more, which this crate has never heard of.
fn with_another_method() -> DescriptorPool {
    use prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto,
        field_descriptor_proto::{Label, Type},
    };
    let text = |name: &str, number| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        r#type: Some(Type::String.into()),
        label: Some(Label::Optional.into()),
        ..Default::default()
    };
    let message =
        |name: &str, field| DescriptorProto { name: Some(name.to_owned()), field: vec![field], ..Default::default() };
    let method = MethodDescriptorProto {
        name: Some("Find".to_owned()),
        input_type: Some(".homepot.new.v1.FindRequest".to_owned()),
        output_type: Some(".homepot.new.v1.FindResponse".to_owned()),
        ..Default::default()
    };
    let service =
        ServiceDescriptorProto { name: Some("NewService".to_owned()), method: vec![method], ..Default::default() };
    let file = FileDescriptorProto {
        name: Some("homepot/new/v1/new.proto".to_owned()),
        package: Some("homepot.new.v1".to_owned()),
        message_type: vec![message("FindRequest", text("thing_id", 1)), message("FindResponse", text("thing", 1))],
        service: vec![service],
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    };
    let mut pool = pool();
    pool.add_file_descriptor_proto(file).unwrap();
    pool
}

#[tokio::test]
async fn a_method_that_the_contract_gains_has_its_route_and_its_place_in_the_document() {
    use homepot::{access::Audience, cost::Cost, model::Role};
    use tower::ServiceExt as _;

    let method = Method {
        path: "/homepot.new.v1.NewService/Find",
        audience: Audience::Operator(Role::Viewer),
        cost: Cost::Small,
        repeat: Repeat::Safe,
        audited: false,
        http: Some(Http { verb: "GET", path: "/api/v2/things/{thing_id}" }),
        client_streaming: false,
        server_streaming: false,
    };
    let router = router(&with_another_method(), [&method].into_iter(), "1.2.3").with_state(app());
    let ask = async |path: &str| {
        let mut request = http::Request::get(path);
        for (name, value) in OPERATOR {
            request = request.header(name, value);
        }
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&crate::tests::text(response).await).unwrap_or(Value::Null))
    };
    assert_eq!(ask("/api/v2/things/t-1").await.0, 503, "it is asked of the services, which are out of reach here");
    let (_, told) = ask("/api/v2/things/t-1?colour=red").await;
    assert_eq!(told["detail"][0]["loc"], json!(["query", "colour"]));
    let (_, document) = ask(DOCUMENT_PATH).await;
    assert_eq!(document["paths"]["/api/v2/things/{thing_id}"]["get"]["operationId"], "New_Find");
}
