//! One caller, however loud, takes nothing from another: pages by bytes, write quotas, and places of watches.

mod memory;
mod pages;
mod quotas;

use homepot::pb::command::v1::{self as pb, Command};
use homepot_tests::Server;
use prost_types::{Struct, Value, value::Kind};

/// An object of about so many bytes.
fn payload(bytes: usize) -> Struct {
    let text = Value { kind: Some(Kind::StringValue("x".repeat(bytes))) };
    Struct { fields: [("text".to_owned(), text)].into() }
}

/// Commands of a device with payloads of that size.
async fn queue(server: &Server, device_id: &str, count: usize, bytes: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let request = pb::QueueRequest {
            device_id: device_id.to_owned(),
            command_type: "RUN_DIAGNOSTICS".to_owned(),
            payload: Some(payload(bytes)),
            ..Default::default()
        };
        let command: Command = server.admin().command.queue(request).await.unwrap().into_inner().command.unwrap();
        ids.push(command.command_id);
    }
    ids
}

/// The resident memory of the server, in KiB.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process().id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
