//! Sites, operators and tokens, and what people did.

use homepot::pb::{common::v1::DeviceSource, registry::v1 as pb};
use homepot_tests::{Server, rest::Request};
use prost_types::Duration;
use serde_json::{Value, json};

use super::Known;

const DAY: i64 = 86_400;

/// So many days.
pub(super) fn days(days: i64) -> Option<Duration> {
    Some(Duration { seconds: days * DAY, nanos: 0 })
}

/// Sites, operators and tokens of every kind.
pub(super) async fn fill(server: &Server, known: &mut Known) {
    let mut registry = server.admin().registry;
    for (site_id, location, open_enrollment) in [("shop-1", "Main St 1", false), ("shop-2", "Dépôt, 2ᵉ étage", true)]
    {
        let request = pb::CreateSiteRequest {
            site_id: site_id.to_owned(),
            name: format!("Site {site_id}"),
            description: "with \"quotes\", a \\ and a\ttab".to_owned(),
            location: location.to_owned(),
            open_enrollment,
        };
        registry.create_site(request).await.unwrap();
    }
    let operators = [
        ("night-shift", pb::Role::Operator, vec!["shop-1"], None),
        ("auditor", pb::Role::Viewer, vec![], days(365)),
        ("shop-admin", pb::Role::Admin, vec!["shop-1", "shop-2"], days(365)),
        ("former", pb::Role::Operator, vec![], None),
    ];
    for (name, role, sites, time_to_live) in operators {
        let request = pb::CreateOperatorRequest {
            name: name.to_owned(),
            role: role.into(),
            site_ids: sites.into_iter().map(str::to_owned).collect(),
            time_to_live,
        };
        let made = registry.create_operator(request).await.unwrap().into_inner();
        known.insert(format!("operator {name}"), made.token);
    }
    let request = pb::RevokeOperatorRequest { name: "former".to_owned(), ..Default::default() };
    registry.revoke_operator(request).await.unwrap();
    for (name, source) in [
        ("token unused", DeviceSource::Real),
        ("token revoked", DeviceSource::Real),
        ("token simulated", DeviceSource::Simulated),
    ] {
        let request = pb::CreateEnrollmentTokenRequest {
            site_id: "shop-1".to_owned(),
            max_uses: 5,
            time_to_live: days(365),
            source: source.into(),
            labels: [("fleet".to_owned(), "load".to_owned())].into(),
        };
        let made = registry.create_enrollment_token(request).await.unwrap().into_inner();
        if name == "token revoked" {
            let token_id = made.enrollment_token.unwrap().token_id;
            registry.revoke_enrollment_token(pb::RevokeEnrollmentTokenRequest { token_id }).await.unwrap();
        }
        known.insert(name.to_owned(), made.secret);
    }
}

/// What people did and what went wrong.
pub(super) async fn report(server: &Server, known: &Known) {
    let post = async |request: Request| {
        let answer = server.rest(request).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    let (admin, night_shift) = (&known["admin"], &known["operator night-shift"]);
    let activity = |page: &str, session: &str| -> Value {
        json!({"activity_type": "search", "page_url": page, "search_query": "till 7", "session_id": session,
            "duration_ms": 1500, "metadata": {"theme": "dark"}})
    };
    let target = "/api/v1/analytics/user-activity";
    for page in ["/devices", "/devices", "/sites"] {
        post(Request::post(target).bearer(admin).json(&activity(page, "a"))).await;
    }
    post(Request::post(target).bearer(night_shift).json(&activity("/devices", "b"))).await;
    let simulated = Request::post(target).header("X-Device-Source", "simulated");
    post(simulated.bearer(admin).json(&activity("/sites", "c"))).await;

    let error = |severity: &str, message: &str| -> Value {
        json!({"category": "payment", "severity": severity, "error_code": "E_TIMEOUT", "error_message": message,
            "stack_trace": "at pay (till.js:17)", "endpoint": "/pay", "user_id": "cashier-3", "context": {"attempt": 2}})
    };
    let target = "/api/v1/analytics/error";
    let poller = || Request::post(target).device("poller-1", &known["device poller-1"]);
    for message in ["no answer after 3000 ms", "no answer after 3001 ms", "no paper"] {
        post(poller().json(&error("error", message))).await;
    }
    let mut of_till = error("critical", "the drawer is stuck");
    of_till["device_id"] = "till-1".into();
    post(Request::post(target).bearer(night_shift).json(&of_till)).await;
    let simulated = Request::post(target).header("X-Device-Source", "simulated");
    post(simulated.bearer(admin).json(&error("info", "only played"))).await;
}
