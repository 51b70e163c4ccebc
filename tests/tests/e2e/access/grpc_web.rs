//! Every method for operators as gRPC-Web with every kind of caller, from the contract alone; and no method of a device.

use homepot::contract::METHODS;
use homepot_tests::{
    elsewhere,
    rest::{Request, Response},
};
use tonic::Code;

use super::{
    rest::{Due, callers},
    table::Who,
    world::{OURS, World},
};

/// Before a message: a flag and its length.
const PREFIX_BYTES: usize = 5;
/// The flag of the trailers, which come last in the body.
const TRAILERS: u8 = 128;

fn request(path: &str, message: &[u8]) -> Request {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = [&[0][..], &length, message].concat();
    Request::post(path).header("Content-Type", "application/grpc-web+proto").header("X-Grpc-Web", "1").body(body)
}

/// The code of an answer: of one that has a beginning only, `Ok` where that is a message.
fn code(answer: &Response) -> Code {
    if let Some(code) = answer.header("grpc-status") {
        return Code::from(code.parse::<i32>().unwrap());
    }
    let mut rest = answer.body.as_slice();
    while let [flag, length @ ..] = rest
        && let Some(length) = length.first_chunk::<4>()
    {
        let end = (PREFIX_BYTES + u32::from_be_bytes(*length) as usize).min(rest.len());
        if *flag == TRAILERS {
            let text = String::from_utf8_lossy(&rest[PREFIX_BYTES..end]).into_owned();
            let code = text.lines().find_map(|line| line.strip_prefix("grpc-status:")).expect("trailers have a status");
            return Code::from(code.trim().parse::<i32>().unwrap());
        }
        rest = &rest[end..];
    }
    Code::Ok
}

fn is(due: Due, got: &Response) -> bool {
    let code = code(got);
    match due {
        Due::Granted => code == Code::Ok,
        Due::Status(401) => code == Code::Unauthenticated,
        Due::Status(403) => code == Code::PermissionDenied,
        Due::Status(other) => panic!("no method answers {other}"),
        Due::NothingOfOurs => match code {
            Code::Ok => !got.body.windows(OURS.len()).any(|window| window == OURS.as_bytes()),
            code => matches!(code, Code::NotFound | Code::PermissionDenied),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_by_grpc_web_lets_in_the_right_caller_and_nobody_else() {
    let world = World::build().await;
    let mut walked = 0;
    for method in METHODS {
        let request = request(method.path, &world.message(method.path).await);
        if method.http.is_none() {
            // Whoever asks: with the credentials that the method is for, and with those of every operator.
            let device = request.clone().device(&world.alpha.device_id, &world.alpha.api_key);
            let admin = request.clone().bearer(&world.server.admin_token);
            for request in [request, device, admin] {
                assert_eq!(world.server.rest(request.from(elsewhere())).await.status, 404, "{}", method.path);
            }
            continue;
        }
        for (name, request, due) in callers(&world, Who::of(method.audience), &request).await {
            let got = match method.server_streaming {
                // It may go on for as long as one listens; the first bytes of a message, or the trailers, are enough.
                true => request.send_until(&world.server.rest_addr, "\0").await,
                false => world.server.rest(request).await,
            };
            assert_eq!(got.status, 200, "{}: {}", method.path, got.text());
            assert_eq!(got.header("content-type"), Some("application/grpc-web+proto"), "{}", method.path);
            assert!(is(due, &got), "{} as {name}: {due:?} was due, but {:?} {}", method.path, code(&got), got.text());
        }
        walked += 1;
    }
    assert!(walked > 40, "{walked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_host_gets_no_leave_to_call() {
    let world = World::build().await;
    let path = "/homepot.registry.v1.RegistryService/ListSites";
    let ask = |method: &str| Request::new(method, path).header("Origin", "https://elsewhere.example");
    let preflight = ask("OPTIONS").header("Access-Control-Request-Method", "POST");
    let call = request(path, &[]).header("Origin", "https://elsewhere.example").bearer(&world.server.admin_token);
    for request in [preflight, call] {
        let answer = world.server.rest(request).await;
        assert!(!answer.headers.iter().any(|(name, _)| name.starts_with("access-control")), "{:?}", answer.headers);
    }
}
