//! `homepot ctl sign-in`: a link that opens the web page signed in.

use std::process::ExitCode;

use homepot::{
    model::{Secret, ServerAddress},
    pb::session::v1 as pb,
};
use serde_json::json;

use super::kit::{calls::answer, out::Out, words};
use crate::{client::Client, sign_in_link::sign_in_link};

#[derive(Debug, clap::Args)]
pub(super) struct SignInArgs {
    /// Address of the web page as browsers reach it, such as `https://pot.example`.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000", value_parser = page)]
    dashboard: ServerAddress,
}

/// Over plaintext the code must not leave this machine.
fn page(text: &str) -> Result<ServerAddress, String> {
    ServerAddress::parse(text, false)
}

pub(super) async fn run(client: &Client, out: &Out, args: &SignInArgs) -> anyhow::Result<ExitCode> {
    let made = answer(client.session().create_sign_in_code(pb::CreateSignInCodeRequest {}).await)?;
    let link = sign_in_link(&args.dashboard, &Secret::presented(made.code));
    let ends = words::time(&made.expires_at);
    let value = json!({"url": link, "code_id": made.code_id, "expires_at": ends});
    out.outcome(&value, Some(&made.code_id), format_args!("{link}\nGood once, within 10 minutes."))?;
    Ok(ExitCode::SUCCESS)
}
