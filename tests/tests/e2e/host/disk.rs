//! An agent that is started on a disk that takes nothing measures all the same, and goes on on disk when that is back.
//!
//! The disks are mounts in a namespace of the agent's own. Where this user may make none, as in some containers, there is
//! nothing to try.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use homepot_tests::{Agent, AgentOptions, Process, Server, field};
use serde_json::Value;

const SITE: &str = "site-001";

/// `unshare` with what this user needs to mount.
fn unshare(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]);
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["sh", "-ec", script, "sh"]);
    command
}

// Says that nothing was tried.
#[allow(clippy::print_stderr)]
fn may_mount(directory: &Path) -> bool {
    let mut command = unshare("mount -t tmpfs -o size=64k none \"$1\"");
    let done = command.arg(directory).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let may = done.is_ok_and(|status| status.success());
    if !may {
        eprintln!("skipped: this user may mount nothing in a namespace of its own");
    }
    may
}

/// A device that has enrolled and whose agent was stopped as it should be.
async fn stopped_agent(server: &Server, device: &str) -> Agent {
    let token = server.enrollment_token(SITE).await;
    let mut agent = Agent::start(server, AgentOptions::new(SITE, device).enrollment_token(&token));
    agent.read_samples(1).await;
    agent.process().terminate();
    assert!(agent.process_mut().ended(Duration::from_secs(20)).await.success());
    agent.kill9();
    agent
}

/// Starts the agent in a namespace where `script` has done something to the state directory, which it finds as `$1`.
fn start_on(agent: &Agent, server: &Server, script: &str) -> Process {
    let run = agent.command("run");
    let mut command = unshare(&format!("{script}\nshift\nexec \"$@\""));
    command.arg(agent.state_dir()).arg(run.get_program()).args(run.get_args());
    command.args(["--server", &format!("http://{}", server.grpc_addr)]);
    for (name, value) in run.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Process::start("homepot-agent", &mut command)
}

fn says(words: &'static str) -> impl Fn(&Value) -> Option<()> {
    move |line| field(line, "message")?.as_str()?.contains(words).then_some(())
}

async fn stored(server: &Server, device: &str) -> i64 {
    let count = format!("SELECT count(*) FROM samples JOIN devices USING (device) WHERE device_id = '{device}'");
    server.database().number(&count).await
}

/// Samples reach the server while the disk takes nothing.
async fn measures_without_a_disk(server: &Server, agent: &Process, device: &str) {
    let before = stored(server, device).await;
    agent.logged("that samples are in memory", says("samples are kept in memory")).await;
    agent.logged("that it is attached", says("attached")).await;
    homepot_tests::eventually("samples of an agent without a disk", async || {
        (stored(server, device).await >= before + 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_starts_on_a_read_only_disk_measures_and_goes_on_on_disk_when_that_is_back() {
    let server = Server::start().await;
    server.create_site(SITE, false).await;
    let agent = stopped_agent(&server, "till-ro").await;
    if !may_mount(&agent.state_dir()) {
        return;
    }
    let read_only = "mount --bind \"$1\" \"$1\"\nmount -o remount,bind,ro \"$1\"";
    let mut process = start_on(&agent, &server, read_only);
    measures_without_a_disk(&server, &process, "till-ro").await;

    let mut back = Command::new("nsenter");
    back.args(["--mount", "--target", &process.id().to_string()]);
    if !rustix::process::geteuid().is_root() {
        back.args(["--user", "--preserve-credentials"]);
    }
    back.args(["mount", "-o", "remount,bind,rw"]).arg(agent.state_dir());
    assert!(back.status().unwrap().success());
    process.logged("that the disk is back", says("the spool is on disk again")).await;
    process.terminate();
    assert!(process.ended(Duration::from_secs(20)).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_starts_on_a_full_disk_measures_with_and_without_a_journal() {
    let server = Server::start().await;
    server.create_site(SITE, false).await;
    for (device, journal) in [("till-full", "true"), ("till-new", "rm \"$1\"/commands.journal")] {
        let agent = stopped_agent(&server, device).await;
        if !may_mount(&agent.state_dir()) {
            return;
        }
        let full = format!(
            "{journal}\nrm -r \"$1\"/spool\nseed=$(mktemp -d)\ncp -a \"$1\"/. \"$seed\"\nmount -t tmpfs -o size=512k,mode=700 none \"$1\"\n\
             cp -a \"$seed\"/. \"$1\"\nrm -r \"$seed\"\ncat /dev/zero >\"$1\"/filler 2>/dev/null || true"
        );
        let mut process = start_on(&agent, &server, &full);
        measures_without_a_disk(&server, &process, device).await;
        fs::remove_file(format!("/proc/{}/root{}/filler", process.id(), agent.state_dir().display())).unwrap();
        process.logged("that the disk is back", says("the spool is on disk again")).await;
        process.terminate();
        assert!(process.ended(Duration::from_secs(20)).await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_that_is_removed_under_a_running_agent_is_made_again() {
    let server = Server::start().await;
    server.create_site(SITE, false).await;
    let token = server.enrollment_token(SITE).await;
    let mut agent = Agent::start(&server, AgentOptions::new(SITE, "till-rm").enrollment_token(&token));
    agent.read_samples(1).await;
    let state = agent.state_dir();
    let key = fs::read_to_string(state.join(".device_api_key")).unwrap();
    fs::remove_dir_all(&state).unwrap();
    for words in [
        "the state directory was removed",
        "a file of the state directory was removed",
        "the command journal was removed",
        "the spool was removed",
    ] {
        agent.process().logged(words, says(words)).await;
    }
    agent.process().terminate();
    assert!(agent.process_mut().ended(Duration::from_secs(20)).await.success());
    for name in ["device.json", "proof_key", "commands.journal", "spool", "status.json", "agent.lock"] {
        assert!(state.join(name).exists(), "{name}");
    }
    assert_eq!(fs::read_to_string(state.join(".device_api_key")).unwrap(), key);
    // It is the same device to the server, without another token.
    agent.kill9();
    let before = stored(&server, "till-rm").await;
    agent.restart();
    agent.process().logged("that it is attached", says("attached")).await;
    homepot_tests::eventually("samples of the next life", async || {
        (stored(&server, "till-rm").await > before).then_some(())
    })
    .await;
}
