//! Events through a proxy that nobody told anything about them.

use homepot_tests::{Nginx, Server, rest::Request};
use serde_json::json;

use super::{TILL, World};

#[tokio::test(flavor = "multi_thread")]
async fn events_pass_an_nginx_that_has_nothing_but_proxy_pass() {
    let world = World::of(Server::start().await).await;
    let nginx = Nginx::start(&world.server.rest_addr).await;
    world.device(Request::post("/analytics/device-metrics").json(&json!({"cpu_percent": 1.5}))).await;
    let command_id = world.queue("PING").await;
    // A proxy that gathers them until its buffer is full lets none of these through before the test gives up.
    for (path, event) in [
        ("devices".to_owned(), "\"devices\":["),
        (format!("samples?device_ids={TILL}"), "\"samples\":["),
        (format!("commands?command_ids={command_id}"), "\"commands\":["),
    ] {
        let request = Request::get(&format!("/api/v2/watch/{path}")).bearer(&world.server.admin_token);
        let answer = request.send_until(&nginx.address(), event).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().contains(event), "{path}: {}", answer.text());
    }
}
