//! What the demo tells people to open and to try.

use std::{net::SocketAddr, path::Path};

use homepot::model::Secret;

use crate::{health::reachable, sign_in_link::sign_in_link};

/// Where the demo's server is.
pub(super) struct Addresses {
    pub(super) grpc: SocketAddr,
    pub(super) rest: SocketAddr,
    pub(super) ops: SocketAddr,
}

impl Addresses {
    /// Reads them from the server's log, once it is ready.
    pub(super) fn from_log(log: &str) -> Option<Self> {
        let ready = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let ready = ready.into_iter().find(|line| line["message"] == "ready")?;
        let address = |name: &str| ready[name].as_str()?.parse().ok().map(reachable);
        Some(Self { grpc: address("grpc_addr")?, rest: address("rest_addr")?, ops: address("ops_addr")? })
    }
}

/// What to open, and commands to copy and paste, the token included. `code` signs in at the dashboard.
pub(super) fn guide(at: &Addresses, device_id: &str, token: &Secret, code: &Secret, program: &Path) -> String {
    let Addresses { grpc, rest, ops } = at;
    let simulator = program.with_file_name("homepot-sim");
    let (token, program, simulator) = (token.reveal(), program.display(), simulator.display());
    let dashboard = sign_in_link(format_args!("http://{rest}"), code);
    let bearer = r#"-H "authorization: Bearer $HOMEPOT_TOKEN""#;
    format!(
        r#"
Open
  {dashboard}
                                   the dashboard, signed in: the link is good once, within 10 minutes
  http://{rest}/docs       the REST API, to try it out
  http://{ops}/metrics    the server's metrics; /readyz and /livez beside it

Try next, in another terminal
  export HOMEPOT_TOKEN={token} HOMEPOT_GRPC_URL=http://{grpc}

  {program} ctl devices summary
  {program} ctl devices list -o wide
  {program} ctl latest
  {program} ctl commands queue {device_id} RUN_DIAGNOSTICS --wait
  {program} ctl commands list {device_id} --limit 5
  {program} ctl errors summary --source simulated --by category
  {program} ctl --help

  {simulator} fleet --devices 200 --scenario black_friday --name friday
  {simulator} remove --name friday

  grpcurl -plaintext {grpc} list
  grpcurl -plaintext {bearer} \
    -d '{{"device_ids": ["{device_id}"]}}' {grpc} homepot.telemetry.v1.TelemetryService/Latest
  grpcurl -plaintext {bearer} \
    -d '{{"device_id": "{device_id}", "command_type": "RUN_DIAGNOSTICS"}}' {grpc} homepot.command.v1.CommandService/Queue

  curl -s {bearer} http://{rest}/api/v1/devices/device/{device_id}
  curl -s {bearer} -H 'content-type: application/json' \
    -d '{{"command_type": "PING"}}' http://{rest}/api/v1/devices/{device_id}/commands
  curl -s {bearer} http://{rest}/api/v1/devices/device/{device_id}/commands
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_those_of_the_ready_line() {
        let log = concat!(
            "not json\n",
            r#"{"message":"starting"}"#,
            "\n",
            r#"{"message":"ready","grpc_addr":"127.0.0.1:1","rest_addr":"0.0.0.0:2","ops_addr":"[::]:3"}"#,
        );
        let at = Addresses::from_log(log).unwrap();
        assert_eq!((at.grpc.to_string(), at.rest.to_string()), ("127.0.0.1:1".into(), "127.0.0.1:2".into()));
        assert_eq!(at.ops.to_string(), "[::1]:3");
        assert!(Addresses::from_log(r#"{"message":"starting"}"#).is_none());
    }

    #[test]
    fn what_is_to_be_pasted_holds_the_token_once_and_real_addresses() {
        let any: SocketAddr = "127.0.0.1:50051".parse().unwrap();
        let at = Addresses { grpc: any, rest: any, ops: any };
        let text =
            guide(&at, "till-7", &Secret::presented("hpo_x"), &Secret::presented("hpl_x"), Path::new("/bin/homepot"));
        assert!(text.contains("  http://127.0.0.1:50051/#/sign-in?code=hpl_x\n"));
        assert_eq!(text.matches("hpo_x").count(), 1);
        assert!(text.contains(r#"-d '{"device_id": "till-7", "command_type": "RUN_DIAGNOSTICS"}' 127.0.0.1:50051"#));
        assert!(text.contains("http://127.0.0.1:50051/docs"));
        assert!(text.contains("/bin/homepot-sim fleet"));
        assert!(text.contains("/bin/homepot ctl commands queue till-7 RUN_DIAGNOSTICS --wait"));
    }
}
