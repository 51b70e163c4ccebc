//! Fleets of legacy devices, over REST.

use homepot::pb::command::v1::{CommandState, GetRequest, QueueRequest};
use homepot_tests::{Simulator, eventually};

use super::{number, server, stored};

#[tokio::test(flavor = "multi_thread")]
async fn legacy_devices_enrol_report_and_obey_by_the_rest_contract_alone() {
    let (server, simulator) = server().await;
    let calm = simulator.calm("");
    let arguments = [
        "fleet",
        "-n",
        "4",
        "--name",
        "legacy",
        "--protocol",
        "rest",
        "--scenario",
        &calm,
        "--interval",
        "500ms",
        "--poll-interval",
        "500ms",
        "--json",
    ];
    let mut process = simulator.start(&arguments);
    eventually("reports", async || (stored(&server, "legacy").await >= 8).then_some(())).await;
    let request =
        QueueRequest { device_id: "legacy-till-1".to_owned(), command_type: "PING".to_owned(), ..Default::default() };
    let command = server.admin().command.queue(request).await.unwrap().into_inner().command.unwrap();
    let command = eventually("the command's end", async || {
        let request = GetRequest { command_id: command.command_id.clone() };
        let command = server.admin().command.get(request).await.unwrap().into_inner().command.unwrap();
        command.finished_at.is_some().then_some(command)
    })
    .await;
    assert_eq!(command.state(), CommandState::Succeeded, "{command:?}");
    process.terminate();
    let ran = Simulator::ended(&mut process).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.summary, ran.said);
    assert_eq!(number(&ran.summary, "/samples/acknowledged"), stored(&server, "legacy").await);
    assert_eq!(number(&ran.summary, "/commands/answered"), 1);
    let sessions = "SELECT count(*) FROM sessions WHERE session_epoch > 0";
    assert_eq!(server.database().number(sessions).await, 0, "none of them holds a stream");
    let real = "SELECT count(*) FROM devices WHERE source <> 'simulated'";
    assert_eq!(server.database().number(real).await, 0);
}
