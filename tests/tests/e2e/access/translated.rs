//! Every method for operators over REST with every kind of caller: paths, parameters, bodies and callers from the contract
//! alone.

use homepot::{
    contract::{Http, METHODS, Method},
    pb::FILE_DESCRIPTOR_SET,
};
use homepot_tests::rest::Request;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::{Map, Value};

use super::{
    rest::{callers, is},
    table::Who,
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_method_over_rest_lets_in_the_right_caller_and_nobody_else() {
    let world = World::build().await;
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut walked = 0;
    for method in METHODS {
        let Some(http) = method.http else { continue };
        let request = request(&pool, method, http, &world.message(method.path).await);
        for (name, request, due) in callers(&world, Who::of(method.audience), &request).await {
            let got = match method.server_streaming {
                // It may go on for as long as one listens; the first event is enough.
                true => request.send_until(&world.server.rest_addr, "\n\n").await,
                false => world.server.rest(request).await,
            };
            assert!(
                is(due, &got),
                "{} {} as {name}: {due:?} was due, but {} {}",
                http.verb,
                http.path,
                got.status,
                got.text()
            );
        }
        walked += 1;
    }
    assert!(walked > 40, "{walked}");
}

/// The request of a method as REST has it.
fn request(pool: &DescriptorPool, method: &Method, http: Http, message: &[u8]) -> Request {
    let (service, name) = method.path[1..].split_once('/').unwrap();
    let descriptor = pool.get_service_by_name(service).unwrap().methods().find(|method| method.name() == name).unwrap();
    let message = DynamicMessage::decode(descriptor.input(), message).unwrap();
    let options = SerializeOptions::new().use_proto_field_name(true);
    let object = message.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
    let Value::Object(mut object) = object else { panic!("{object} is no object") };
    let mut path = http.path.to_owned();
    for field in http.fields_in_path() {
        let value = object.remove(field).unwrap_or_else(|| panic!("{} has a path without {field}", method.path));
        path = path.replace(&format!("{{{field}}}"), value.as_str().unwrap());
    }
    if http.has_body() {
        return Request::new(http.verb, &path).json(&Value::Object(object));
    }
    let parameters = parameters(&object, "");
    let query = if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) };
    Request::new(http.verb, &format!("{path}{query}"))
}

/// `name=value` for each value in there, with the names of fields on the way joined by dots.
fn parameters(object: &Map<String, Value>, prefix: &str) -> Vec<String> {
    let one = |name: &str, value: &Value| format!("{prefix}{name}={}", value.as_str().unwrap_or(&value.to_string()));
    let all = object.iter().flat_map(|(name, value)| match value {
        Value::Object(inner) => parameters(inner, &format!("{prefix}{name}.")),
        Value::Array(list) => list.iter().map(|item| one(name, item)).collect(),
        value => vec![one(name, value)],
    });
    all.collect()
}
