//! The table in `docs/access.md`, and that it is the one the programs go by.

use std::collections::BTreeSet;

use homepot::{
    access::{Audience, METHODS},
    model::Role,
};
use homepot_tests::{Server, rest::Request, workspace};

/// Who may, in the words of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Anyone,
    Enrollee,
    EnrolleeOrAdmin,
    Device,
    DeviceOrViewer,
    Viewer,
    Operator,
    Admin,
    FleetAdmin,
}

/// The rows below a heading of `docs/access.md`: the first column without its backticks, and who may.
pub(crate) fn rows(heading: &str) -> Vec<(String, Who)> {
    let text = std::fs::read_to_string(workspace().join("docs/access.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading is there");
    let row = |line: &str| {
        let mut columns = line.strip_prefix("| `")?.strip_suffix(" |")?.split("` | ");
        let (name, who) = (columns.next()?, columns.next()?);
        let who = match who {
            "anyone" => Who::Anyone,
            "enrollee" => Who::Enrollee,
            "enrollee or admin" => Who::EnrolleeOrAdmin,
            "device" => Who::Device,
            "device or viewer" => Who::DeviceOrViewer,
            "viewer" => Who::Viewer,
            "operator" => Who::Operator,
            "admin" => Who::Admin,
            "fleet admin" => Who::FleetAdmin,
            other => panic!("'{other}' is no word of the table"),
        };
        Some((name.to_owned(), who))
    };
    section.lines().filter_map(row).collect()
}

#[test]
fn the_table_of_rpcs_is_the_one_the_auth_layer_goes_by() {
    let enforced: Vec<_> = METHODS
        .iter()
        .map(|(path, audience)| {
            let who = match audience {
                Audience::Enrollee => Who::Enrollee,
                Audience::Device => Who::Device,
                Audience::Operator(Role::Viewer) => Who::Viewer,
                Audience::Operator(Role::Operator) => Who::Operator,
                Audience::Operator(Role::Admin) => Who::Admin,
                Audience::FleetAdmin => Who::FleetAdmin,
            };
            ((*path).to_owned(), who)
        })
        .collect();
    assert_eq!(rows("gRPC"), enforced);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_routes_lists_every_route_that_the_openapi_document_has() {
    let server = Server::start().await;
    let document = server.rest(Request::get("/api/v1/openapi.json")).await.json();
    let paths = document["paths"].as_object().expect("the document has paths");
    let served: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {}", method.to_uppercase(), path.trim_start_matches("/api/v1")))
        })
        .collect();
    let told: BTreeSet<_> = rows("REST").into_iter().map(|(route, _)| route).collect();
    assert_eq!(told, served);
}
