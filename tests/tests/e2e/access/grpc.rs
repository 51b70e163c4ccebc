//! Every rpc with every kind of caller.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use homepot::contract::METHODS;
use homepot_tests::{
    elsewhere,
    grpc::{Caller, DeviceKey, call, connection},
};
use tonic::{Code, Status};

use super::{
    table::Who,
    world::{OURS, TILL, World},
};

/// The form of a secret, and nobody's.
pub(super) const LETTERS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a caller has to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Unauthenticated,
    Forbidden,
    /// Not found or forbidden, or an answer in which nothing of the first site stands.
    NothingOfOurs,
    Granted,
    /// What the method itself says: nobody is refused for what it shows or does not show.
    Heard,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_lets_in_the_right_caller_and_nobody_else() {
    let world = World::build().await;
    for method in METHODS {
        let path = method.path;
        let message = world.message(path).await;
        for (name, caller, from, answer) in callers(&world, Who::of(method.audience)).await {
            let got = call(connection(from, &world.server.grpc_addr, &caller), path, message.clone()).await;
            assert!(is(answer, &got), "{path} as {name}: {answer:?} was due, but {got:?}");
        }
    }
}

fn is(answer: Answer, got: &Result<Bytes, Status>) -> bool {
    let code = got.as_ref().map_or_else(Status::code, |_| Code::Ok);
    match answer {
        Answer::Unauthenticated => code == Code::Unauthenticated,
        Answer::Forbidden => code == Code::PermissionDenied,
        Answer::Granted => code == Code::Ok,
        Answer::Heard => !matches!(code, Code::Unauthenticated | Code::PermissionDenied),
        Answer::NothingOfOurs => match got {
            Ok(bytes) => !bytes.windows(OURS.len()).any(|window| window == OURS.as_bytes()),
            Err(_) => matches!(code, Code::NotFound | Code::PermissionDenied),
        },
    }
}

/// The callers to try on a row, the right one last: only that one may change anything.
async fn callers(world: &World, who: Who) -> Vec<(&'static str, Caller, IpAddr, Answer)> {
    use Answer::{Forbidden, Granted, Heard, NothingOfOurs, Unauthenticated};
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    let operator = |token: &String| Caller::Operator(token.clone());
    let key = |device_id: &str, api_key: &str| {
        Caller::Device(DeviceKey { device_id: device_id.to_owned(), api_key: api_key.to_owned() })
    };
    let wrong_token = Caller::Operator(format!("hpo_{LETTERS}"));
    let wrong_key = key(TILL, &format!("hpd_{LETTERS}"));
    let mut list = vec![("nobody", Caller::Nobody, here, Unauthenticated)];
    match who {
        Who::Enrollee => {
            let wrong = Caller::Enrollee(format!("hpe_{LETTERS}"));
            let foreign = Caller::Enrollee(world.server.enrollment_token("beta").await);
            let right = Caller::Enrollee(world.server.enrollment_token(OURS).await);
            list.extend([
                ("a wrong token", wrong, elsewhere(), Unauthenticated),
                ("a device", Caller::Device(world.alpha.clone()), here, Unauthenticated),
                ("an admin", operator(&world.server.admin_token), here, Unauthenticated),
                ("a token of another site", foreign, here, Forbidden),
                ("the right token", right, here, Granted),
            ]);
        }
        Who::Device => list.extend([
            ("a wrong key", wrong_key, elsewhere(), Unauthenticated),
            ("another device's key", key(TILL, &world.beta.api_key), elsewhere(), Unauthenticated),
            ("a viewer", operator(&world.viewer), here, Unauthenticated),
            ("an operator of another site", operator(&world.beta_operator), here, Unauthenticated),
            ("an admin", operator(&world.server.admin_token), here, Unauthenticated),
            ("another device", Caller::Device(world.beta.clone()), here, NothingOfOurs),
            ("the device", Caller::Device(world.alpha.clone()), here, Granted),
        ]),
        Who::Viewer | Who::Operator | Who::Admin | Who::FleetAdmin => {
            let allowed = |least: Who, answer: Answer| if who <= least { answer } else { Forbidden };
            list.extend([
                ("a wrong token", wrong_token, elsewhere(), Unauthenticated),
                ("a wrong key", wrong_key, elsewhere(), Unauthenticated),
                ("a device", Caller::Device(world.alpha.clone()), here, Unauthenticated),
                ("a viewer of another site", operator(&world.beta_viewer), here, allowed(Who::Viewer, NothingOfOurs)),
                (
                    "an operator of another site",
                    operator(&world.beta_operator),
                    here,
                    allowed(Who::Operator, NothingOfOurs),
                ),
                ("an admin of another site", operator(&world.beta_admin), here, allowed(Who::Admin, NothingOfOurs)),
            ]);
            // Of the first site: all below the right one are refused, then the right one is let in.
            let ladder = [
                ("a viewer", &world.viewer, Who::Viewer),
                ("an operator", &world.operator, Who::Operator),
                ("an admin of the site", &world.admin, Who::Admin),
                ("an admin of every site", &world.server.admin_token, Who::FleetAdmin),
            ];
            for (name, token, role) in ladder {
                if role <= who {
                    list.push((name, operator(token), here, if role == who { Granted } else { Forbidden }));
                }
            }
        }
        Who::Anyone => {
            list = vec![
                ("nobody", Caller::Nobody, here, Heard),
                ("a wrong token", wrong_token, elsewhere(), Heard),
                ("a device", Caller::Device(world.alpha.clone()), here, Heard),
                ("a viewer", operator(&world.viewer), here, Heard),
            ];
        }
        Who::DeviceOrViewer | Who::EnrolleeOrAdmin => panic!("no rpc is for {who:?}"),
    }
    list
}
