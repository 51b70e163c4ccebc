//! Values of variables: the nearest one reaches the file of a device, who may set and see them, and secrets show nowhere.

use std::{collections::HashMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use homepot::pb::{
    command::v1::Target,
    registry::v1::{Labels, Role, UpdateDeviceRequest},
    rollout::v1::{
        DeleteValueRequest, ListValuesRequest, PlanRolloutRequest, PlannedDevice, Release, SetValueRequest,
        UpdateState, Value, ValueOrigin,
    },
};
use homepot_tests::{
    AnySystem, Server, ServerOptions, System,
    grpc::{Caller, Clients},
};
use tonic::{Code, Status};

use super::world::{DEVICE, SITE, TARGET, World};

const SECRET: &str = "hunter2-of-the-shop";
const TEMPLATE: &[u8] = b"host={{ host }} port={{ port }} ring={{ ring }} mode={{ mode }} pin={{ pin }}\n";
const VARIABLES: &str = "\
[variables.host]\ntype = \"string\"\nmax_length = 20\nrequired = true\n\
[variables.port]\ntype = \"integer\"\nmin = 1\nmax = 99\ndefault = 7\n\
[variables.ring]\ntype = \"string\"\nmax_length = 20\ndefault = \"none\"\n\
[variables.mode]\ntype = \"choice\"\nchoices = [\"live\", \"training\"]\ndefault = \"live\"\n\
[variables.pin]\ntype = \"string\"\nmax_length = 40\nsecret = true\nrequired = true\n";

fn fleet(variable: &str, value: &str) -> SetValueRequest {
    let (variable, value) = (variable.to_owned(), value.to_owned());
    SetValueRequest { variable, value, fleet: true, ..Default::default() }
}

fn of_site(variable: &str, value: &str, site: &str) -> SetValueRequest {
    SetValueRequest { fleet: false, site_id: site.to_owned(), ..fleet(variable, value) }
}

fn of_device(variable: &str, value: &str, device: &str) -> SetValueRequest {
    SetValueRequest { fleet: false, device_id: device.to_owned(), ..fleet(variable, value) }
}

fn of_label(variable: &str, value: &str, label: &str) -> SetValueRequest {
    SetValueRequest { fleet: false, label: label.to_owned(), ..fleet(variable, value) }
}

fn secret(request: SetValueRequest) -> SetValueRequest {
    SetValueRequest { secret: true, ..request }
}

async fn set(server: &System, request: SetValueRequest) -> Value {
    server.admin().values.set_value(request).await.expect("the admin may set a value").into_inner().value.unwrap()
}

async fn plan(server: &System, release: &Release) -> PlannedDevice {
    let request = PlanRolloutRequest {
        release_id: release.release_id.clone(),
        target: Some(Target { device_ids: vec![DEVICE.to_owned()], ..Default::default() }),
        ..Default::default()
    };
    server.admin().rollouts.plan_rollout(request).await.unwrap().into_inner().devices.pop().unwrap()
}

/// All files below, as far as they can be read.
fn files(directory: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let of = |path: &Path| if path.is_dir() { files(path) } else { fs::read(path).into_iter().collect() };
    entries.flat_map(|entry| of(&entry.path())).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn the_nearest_value_reaches_the_file_and_a_secret_shows_nowhere_else() {
    let server = Server::start_with(ServerOptions::default().env("HOMEPOT_LOG", "debug")).await;
    let world = World::build_on(server, "0600").await;
    let server = &world.server;
    let release = world.publisher.publish_template(server, TARGET, TEMPLATE, VARIABLES).await;

    // Without the values that it needs, the device is left out, and told nothing.
    let planned = plan(server, &release).await;
    assert_eq!(planned.phase, 0);
    assert_eq!(planned.reason, "variable host: a value is required; variable pin: a value is required");
    let rollout = world.start(&release).await;
    let skipped = world.until(&rollout, UpdateState::Skipped).await;
    assert_eq!(skipped.reason, planned.reason);

    let labels = HashMap::from([("ring".to_owned(), "canary".to_owned())]);
    let labels = Some(Labels { labels });
    let request = UpdateDeviceRequest { device_id: DEVICE.to_owned(), labels, ..Default::default() };
    server.admin().registry.update_device(request).await.unwrap();
    for request in [
        fleet("host", "pot"),
        fleet("port", "1"),
        of_site("port", "2", SITE),
        fleet("ring", "fleet"),
        of_label("ring", "label", "ring=canary"),
        of_label("ring", "other", "ring=late"),
        fleet("mode", "live"),
        of_device("mode", "training", DEVICE),
        secret(fleet("pin", "of-the-fleet")),
        secret(of_site("pin", SECRET, SITE)),
    ] {
        let is_secret = request.secret;
        let value = set(server, request.clone()).await;
        assert_eq!((value.secret, value.set_by.as_str()), (is_secret, "admin"));
        assert_eq!(value.value, if is_secret { "" } else { request.value.as_str() });
    }
    let planned = plan(server, &release).await;
    assert_eq!((planned.phase, planned.reason.as_str(), planned.changes.len()), (1, "", 1));
    let values: Vec<_> =
        planned.values.iter().map(|value| (value.variable.as_str(), value.value.as_str(), value.origin())).collect();
    use ValueOrigin::{Device, Fleet, Label, Site};
    let expected = [
        ("host", "pot", Fleet),
        ("mode", "training", Device),
        ("pin", "", Site),
        ("port", "2", Site),
        ("ring", "label", Label),
    ];
    assert_eq!(values, expected);
    assert!(planned.values.iter().all(|value| value.secret == (value.variable == "pin") && !value.changed));

    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), format!("host=pot port=2 ring=label mode=training pin={SECRET}\n"));
    assert_eq!(fs::metadata(world.target()).unwrap().permissions().mode() & 0o7777, 0o600);
    let told = world.update(|update| update.targets[0].counter > 0).await;
    assert_eq!(plan(server, &release).await.changes.len(), 0, "it has the release with these values");

    // A change by itself reaches nobody; the next rollout of the same release brings it.
    set(server, of_site("port", "3", SITE)).await;
    server
        .admin()
        .values
        .delete_value(DeleteValueRequest {
            variable: "mode".to_owned(),
            device_id: DEVICE.to_owned(),
            ..Default::default()
        })
        .await
        .unwrap();
    let planned = plan(server, &release).await;
    assert_eq!(planned.changes.len(), 1);
    let changed: Vec<_> =
        planned.values.iter().filter(|value| value.changed).map(|value| value.variable.as_str()).collect();
    assert_eq!(changed, ["mode", "port"]);
    assert_eq!(world.update(|_| true).await.generation, told.generation);
    let rollout = world.start(&release).await;
    world.until(&rollout, UpdateState::Confirmed).await;
    assert_eq!(world.content(), format!("host=pot port=3 ring=label mode=live pin={SECRET}\n"));

    // Values that break what was signed are told before anything is sent.
    for (request, reason) in [
        (of_device("port", "100", DEVICE), "variable port: must be from 1 to 99"),
        (of_device("port", "many", DEVICE), "variable port: must be an integer, not a string"),
        (
            secret(of_device("port", "4", DEVICE)),
            "variable port: its value of the device is a secret, and the release does not keep it secret",
        ),
    ] {
        set(server, request).await;
        assert_eq!(plan(server, &release).await.reason, reason);
    }
    set(server, of_device("port", "4", DEVICE)).await;
    set(server, of_device("pin", "1234", DEVICE)).await;
    let reason = plan(server, &release).await.reason;
    assert!(reason.starts_with("variable pin: the release keeps it secret, and its value of the device"), "{reason}");

    let listed = server.admin().values.list_values(ListValuesRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.values.len(), 11);
    let answers = format!("{listed:?} {planned:?} {:?}", world.update(|_| true).await);
    let log = |lines: Vec<serde_json::Value>| lines.iter().map(ToString::to_string).collect::<String>();
    let dump = server.database().dump().await;
    assert!(dump.contains("variable_values"), "the dump has the values");
    let state = files(&world.agent.state_dir());
    for text in [SECRET, "of-the-fleet"] {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        for (place, shown) in [
            ("an answer", &answers),
            ("the server's log", &log(server.process().log())),
            ("the agent's log", &log(world.agent.log())),
            ("the database", &dump),
        ] {
            assert!(!shown.contains(text) && !shown.contains(&hex), "a secret is in {place}");
        }
        assert!(!state.iter().any(|file| holds(file, text)), "the agent keeps a secret that nobody needs any more");
    }
    assert!(state.iter().any(|file| !file.is_empty()), "the agent's files were read");
}

fn code<T: std::fmt::Debug>(answer: Result<T, Status>) -> Code {
    answer.expect_err("it is refused").code()
}

async fn seen(clients: &mut Clients, request: ListValuesRequest) -> Vec<String> {
    let values = clients.values.list_values(request).await.unwrap().into_inner().values;
    values.into_iter().map(|value| value.variable).collect()
}

#[tokio::test]
async fn operators_set_and_see_values_of_their_own_sites_and_the_fleets_are_set_by_admins_of_all() {
    let server = AnySystem::start().await;
    for (site, till) in [("east", "e-till"), ("west", "w-till")] {
        server.create_site(site, false).await;
        server.enroll(site, till).await;
    }
    let clients = |token: String| server.clients(&Caller::Operator(token));
    let mut east = clients(server.create_operator("east", Role::Operator, &["east"]).await);
    let mut west = clients(server.create_operator("west", Role::Admin, &["west"]).await);
    let mut all = clients(server.create_operator("all", Role::Operator, &[]).await);
    set(&server, fleet("a", "1")).await;
    set(&server, of_label("b", "1", "ring=canary")).await;
    east.values.set_value(of_site("c", "1", "east")).await.unwrap();
    east.values.set_value(secret(of_device("d", "1", "e-till"))).await.unwrap();
    west.values.set_value(of_site("e", "1", "west")).await.unwrap();
    all.values.set_value(of_device("f", "1", "w-till")).await.unwrap();

    let list = ListValuesRequest::default;
    assert_eq!(seen(&mut east, list()).await, ["a", "b", "c", "d"]);
    assert_eq!(seen(&mut west, list()).await, ["a", "b", "e", "f"]);
    assert_eq!(seen(&mut all, list()).await, ["a", "b", "c", "d", "e", "f"]);
    let own = ListValuesRequest { device_id: "e-till".to_owned(), ..Default::default() };
    assert_eq!(seen(&mut east, own.clone()).await, ["d"]);
    assert_eq!(seen(&mut east, ListValuesRequest { fleet: true, ..list() }).await, ["a"]);
    assert_eq!(seen(&mut east, ListValuesRequest { variable: "c".to_owned(), ..list() }).await, ["c"]);
    assert_eq!(code(west.values.list_values(own).await), Code::NotFound);
    let of_east = ListValuesRequest { site_id: "east".to_owned(), ..list() };
    assert_eq!(code(west.values.list_values(of_east).await), Code::NotFound);
    // In pages.
    let mut page = ListValuesRequest { page_size: 1, ..list() };
    let mut paged = Vec::new();
    loop {
        let answer = west.values.list_values(page.clone()).await.unwrap().into_inner();
        paged.extend(answer.values.into_iter().map(|value| value.variable));
        page.page_token = answer.next_page_token;
        if page.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, ["a", "b", "e", "f"]);

    assert_eq!(code(west.values.set_value(of_site("c", "2", "east")).await), Code::NotFound);
    assert_eq!(code(west.values.set_value(of_device("d", "2", "e-till")).await), Code::NotFound);
    for mut not_of_all in [east.values.clone(), west.values.clone(), all.values.clone()] {
        for request in [fleet("a", "2"), of_label("b", "2", "ring=canary")] {
            assert_eq!(code(not_of_all.set_value(request.clone()).await), Code::PermissionDenied);
            let SetValueRequest { variable, fleet, label, .. } = request;
            let request = DeleteValueRequest { variable, fleet, label, ..Default::default() };
            assert_eq!(code(not_of_all.delete_value(request).await), Code::PermissionDenied);
        }
    }
    let delete = DeleteValueRequest { variable: "c".to_owned(), site_id: "east".to_owned(), ..Default::default() };
    assert_eq!(code(west.values.delete_value(delete.clone()).await), Code::NotFound);
    east.values.delete_value(delete.clone()).await.unwrap();
    assert_eq!(code(east.values.delete_value(delete).await), Code::NotFound);
    for (request, field) in [
        (SetValueRequest { fleet: false, ..fleet("a", "1") }, "fleet"),
        (SetValueRequest { fleet: true, ..of_site("a", "1", "east") }, "fleet"),
        (fleet("A", "1"), "variable"),
        (of_label("a", "1", "ring"), "label"),
        (fleet("a", &"x".repeat(16_385)), "value"),
    ] {
        let refused = server.admin().values.set_value(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(field), "{refused}");
    }
}
