//! Every documented route with every kind of caller, on both prefixes.

use homepot_tests::{
    elsewhere,
    rest::{Request, Response},
};
use serde_json::json;

use super::{
    grpc::LETTERS,
    table::{Who, routes},
    world::{OURS, TILL, World},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_the_right_caller_and_nobody_else() {
    let world = World::build().await;
    for prefix in ["/api/v1", ""] {
        for (route, who) in routes() {
            let request = request(&world, prefix, &route).await;
            let callers = match route.as_str() {
                CLAIM => claimants(&world, prefix).await,
                _ => callers(&world, who, &request).await,
            };
            for (name, request, due) in callers {
                let got = world.server.rest(request).await;
                assert!(
                    is(due, &got),
                    "{prefix} {route} as {name}: {due:?} was due, but {} {}",
                    got.status,
                    got.text()
                );
            }
        }
    }
}

/// The one route whose credential stands in the body.
const CLAIM: &str = "POST /enrolment-intents/{intent_id}/claim";

async fn claimants(world: &World, prefix: &str) -> Vec<(&'static str, Request, Due)> {
    let claim = |intent: &str, token: &str| {
        let path = format!("{prefix}/enrolment-intents/{intent}/claim");
        Request::post(&path).json(&json!({"claim_token": token, "device_name": "New"}))
    };
    let (ours, theirs) = (world.server.enrollment_token(OURS).await, world.server.enrollment_token("beta").await);
    let wrong = format!("hpe_{LETTERS}");
    let id = |token: &str| token[..12].to_owned();
    vec![
        ("a wrong token", claim(&id(&wrong), &wrong).from(elsewhere()), Due::Status(401)),
        ("a device", claim(&id(&ours), "x").device(TILL, &world.alpha.api_key), Due::Status(401)),
        ("an admin", claim(&id(&ours), "x").bearer(&world.server.admin_token), Due::Status(401)),
        ("a token of another intent", claim(&id(&theirs), &ours), Due::Status(401)),
        ("a token of another site", claim(&id(&theirs), &theirs), Due::NothingOfOurs),
        ("the right token", claim(&id(&ours), &ours), Due::Granted),
    ]
}

/// What a caller has to meet: one of these statuses, and when it is a success, nothing of the first site in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    Status(u16),
    NothingOfOurs,
    Granted,
}

pub(super) fn is(due: Due, got: &Response) -> bool {
    let granted = (200..300).contains(&got.status);
    match due {
        Due::Status(status) => got.status == status,
        Due::Granted => granted,
        Due::NothingOfOurs => matches!(got.status, 403 | 404) || (granted && !got.text().contains(OURS)),
    }
}

/// A request that the right caller succeeds with, without credentials.
async fn request(world: &World, prefix: &str, route: &str) -> Request {
    let (method, path) = route.split_once(' ').unwrap();
    let mut path = path.replace("{site_id}", OURS).replace("{device_id}", TILL);
    if path.contains("{command_id}") {
        path = path.replace("{command_id}", &world.fetched().await);
    }
    let request = Request::new(method, &format!("{prefix}{path}"));
    match route {
        "POST /sites/" => request.json(&json!({"site_id": world.fresh(), "name": "Annex"})),
        "POST /devices/sites/{site_id}/devices" => request.json(&json!({"device_id": world.fresh(), "name": "New"})),
        "POST /devices/{device_id}/commands" => request.json(&json!({"command_type": "PING"})),
        "POST /agent/heartbeat" | "POST /agent/device-dna" => request.json(&json!({"device_id": TILL})),
        "POST /agent/telemetry" => request.json(&json!({"device_id": TILL, "cpu_usage": 1.5})),
        "POST /agent/logs" => request.json(&json!({"device_id": TILL, "message": "out of paper"})),
        "PATCH /devices/device/{device_id}/permissions" => {
            request.json(&json!({"permissions": {"command_execution": false}}))
        }
        "PUT /devices/{command_id}/status" | "POST /devices/{command_id}/status" => {
            request.json(&json!({"status": "completed", "result": {}}))
        }
        "POST /analytics/user-activity" => request.json(&json!({"activity_type": "click"})),
        "POST /analytics/error" => {
            let message = "out of paper";
            request.json(&json!({"category": "print", "severity": "info", "error_message": message, "device_id": TILL}))
        }
        "POST /analytics/device-metrics" => request.json(&json!({"device_id": TILL, "cpu_percent": 1.5})),
        _ => request,
    }
}

/// The callers to try on a row, the right one last: only that one may change anything.
pub(super) async fn callers(world: &World, who: Who, request: &Request) -> Vec<(&'static str, Request, Due)> {
    let bearer = |token: &String| request.clone().bearer(token);
    let wrong_token = request.clone().bearer(&format!("hpo_{LETTERS}"));
    let wrong_key = request.clone().device(TILL, &format!("hpd_{LETTERS}"));
    let device = request.clone().device(TILL, &world.alpha.api_key);
    if who == Who::Anyone {
        return vec![("nobody", request.clone(), Due::Granted), ("a wrong token", wrong_token, Due::Granted)];
    }
    let mut list = vec![("nobody", request.clone(), Due::Status(401))];
    match who {
        Who::Enrollee => {
            let by = |token: &str| request.clone().header("X-Enrollment-Token", token);
            list.extend([
                ("a wrong token", by(&format!("hpe_{LETTERS}")).from(elsewhere()), Due::Status(401)),
                ("a device", device, Due::Status(401)),
                ("an admin", bearer(&world.server.admin_token), Due::Status(401)),
                ("a token of another site", by(&world.server.enrollment_token("beta").await), Due::Status(403)),
                ("the right token", by(&world.server.enrollment_token(OURS).await), Due::Granted),
            ]);
        }
        Who::EnrolleeOrAdmin => {
            let by = |token: &str| request.clone().header("X-Enrollment-Token", token);
            list.extend([
                ("a wrong token", by(&format!("hpe_{LETTERS}")).from(elsewhere()), Due::Status(401)),
                ("a wrong operator's token", wrong_token.from(elsewhere()), Due::Status(401)),
                ("a device", device, Due::Status(401)),
                ("a token of another site", by(&world.server.enrollment_token("beta").await), Due::Status(403)),
                ("a viewer", bearer(&world.viewer), Due::Status(403)),
                ("an operator", bearer(&world.operator), Due::Status(403)),
                ("an admin of another site", bearer(&world.beta_admin), Due::Status(404)),
                ("the right token", by(&world.server.enrollment_token(OURS).await), Due::Granted),
                // Let in, and told that the id is taken by now.
                ("an admin of the site", bearer(&world.admin), Due::Status(409)),
            ]);
        }
        Who::Device => {
            let swapped = request.clone().device(TILL, &world.beta.api_key);
            let other = request.clone().device(&world.beta.device_id, &world.beta.api_key);
            list.extend([
                ("a wrong key", wrong_key.from(elsewhere()), Due::Status(401)),
                ("another device's key", swapped.from(elsewhere()), Due::Status(401)),
                ("a viewer", bearer(&world.viewer), Due::Status(401)),
                ("an operator of another site", bearer(&world.beta_operator), Due::Status(401)),
                ("an admin", bearer(&world.server.admin_token), Due::Status(401)),
                ("another device", other, Due::NothingOfOurs),
                ("the device", device, Due::Granted),
            ]);
        }
        Who::DeviceOrViewer => {
            let swapped = request.clone().device(TILL, &world.beta.api_key);
            let other = request.clone().device(&world.beta.device_id, &world.beta.api_key);
            list.extend([
                ("a wrong token", wrong_token.from(elsewhere()), Due::Status(401)),
                ("a wrong key", wrong_key.from(elsewhere()), Due::Status(401)),
                ("another device's key", swapped.from(elsewhere()), Due::Status(401)),
                ("another device", other, Due::Status(403)),
                ("a viewer of another site", bearer(&world.beta_viewer), Due::Status(404)),
                ("an operator of another site", bearer(&world.beta_operator), Due::Status(404)),
                ("an admin of another site", bearer(&world.beta_admin), Due::Status(404)),
                ("the device", device, Due::Granted),
                ("a viewer", bearer(&world.viewer), Due::Granted),
            ]);
        }
        _ => {
            let allowed = |least: Who| if who <= least { Due::NothingOfOurs } else { Due::Status(403) };
            list.extend([
                ("a wrong token", wrong_token.from(elsewhere()), Due::Status(401)),
                ("a wrong key", wrong_key.from(elsewhere()), Due::Status(401)),
                ("a device", device, Due::Status(401)),
                ("a viewer of another site", bearer(&world.beta_viewer), allowed(Who::Viewer)),
                ("an operator of another site", bearer(&world.beta_operator), allowed(Who::Operator)),
                ("an admin of another site", bearer(&world.beta_admin), allowed(Who::Admin)),
            ]);
            let ladder = [
                ("a viewer", &world.viewer, Who::Viewer),
                ("an operator", &world.operator, Who::Operator),
                ("an admin of the site", &world.admin, Who::Admin),
                ("an admin of every site", &world.server.admin_token, Who::FleetAdmin),
            ];
            for (name, token, role) in ladder.into_iter().filter(|(_, _, role)| *role <= who) {
                list.push((name, bearer(token), if role == who { Due::Granted } else { Due::Status(403) }));
            }
        }
    }
    list
}
