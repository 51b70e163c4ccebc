//! `homepot-sim traffic`: what people and applications do, over REST at a stated rate.
//!
//! What is sent when is settled by the rates and the seed before anything is; a server that is slow gets the same requests, only
//! later. Every request says that it is simulated, so that none of it counts among what is real.

mod applications;
mod people;
mod plan;
mod play;
mod summary;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use http::Method;
use tokio_util::sync::CancellationToken;

use self::{
    plan::Plan,
    play::{Destination, play},
    summary::Summary,
};
use crate::{
    rest::Rest,
    screen::{self, Screen},
    server, span,
};

const MAX_RATE: f64 = 100_000.0;
/// No reason to plan for longer.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 3600);

/// How much of it, and to whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server's REST address
    #[arg(long, env = "HOMEPOT_REST_URL", default_value = "http://127.0.0.1:8000")]
    url: String,
    /// PEM file of the certificate authorities to trust for an https server [default: those of this machine]
    #[arg(long, env = "HOMEPOT_GRPC_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Send the token in clear text to a server on another machine
    #[arg(long, env = "HOMEPOT_ALLOW_PLAINTEXT")]
    allow_plaintext: bool,
    /// File that holds an operator's token. Nobody but its owner may read it. You can also give the token in
    /// HOMEPOT_TOKEN
    #[arg(long, env = "HOMEPOT_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Activities of people, per second
    #[arg(long, default_value_t = 10.0, value_parser = rate, value_name = "RATE")]
    activity_rate: f64,
    /// Errors of applications, per second
    #[arg(long, default_value_t = 1.0, value_parser = rate, value_name = "RATE")]
    error_rate: f64,
    /// How long to send, such as 90s, 5m or 1h. Ctrl-C ends it earlier
    #[arg(long, default_value = "60s", value_parser = duration)]
    duration: Duration,
    /// Seed of all random numbers. The same seed sends the same requests in the same order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The most requests under way at the same time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    together: u16,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    /// Print nothing while it runs
    #[arg(long, short)]
    quiet: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.0..=MAX_RATE).contains(rate));
    rate.ok_or_else(|| format!("'{text}' is no number from 0 to {MAX_RATE}"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let fits = |duration: &Duration| !duration.is_zero() && *duration <= MAX_DURATION;
    span::parse(text).ok().filter(fits).ok_or_else(|| format!("'{text}' is no span up to 30d such as 90s, 5m or 1h"))
}

/// Sends all of it; the exit code says whether all that was sent was acknowledged.
pub(crate) async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<ExitCode> {
    let token = server::operator_token(args.token_file.as_deref())?;
    let token = token.ok_or_else(|| anyhow::anyhow!("an operator's token is needed: HOMEPOT_TOKEN or --token-file"))?;
    let bearer = format!("Bearer {}", token.reveal());
    let rest = Rest::new(&args.url, args.ca.as_deref(), args.allow_plaintext, usize::from(args.together))?;
    check(&rest, &args.url, &bearer).await?;

    let plan = Plan::new(args.seed, args.activity_rate, args.error_rate, args.duration);
    let screen = Screen::new(args.quiet);
    let to = Destination { rest, bearer: bearer.into(), together: usize::from(args.together) };
    let played = play(plan, &to, &stop, (!args.quiet).then_some(&screen)).await;
    let summary = Summary::new(&args, &played);
    screen::answer(if args.json { serde_json::to_string_pretty(&summary)? } else { summary.to_string() });
    if summary.agrees {
        return Ok(ExitCode::SUCCESS);
    }
    screen::complain("not all that was sent was acknowledged");
    Ok(ExitCode::FAILURE)
}

/// Whether the server is there and takes the token, before anything is sent.
async fn check(rest: &Rest, url: &str, bearer: &str) -> anyhow::Result<()> {
    let target = "/api/v2/whoami";
    let answer = rest.call(Method::GET, target, &[("authorization", bearer)], None).await;
    let answer = answer.map_err(|error| anyhow::anyhow!("{url}: {error}; is `homepot serve` running?"))?;
    let told = answer.body["detail"].as_str().unwrap_or("no reason told");
    match answer.status {
        200 => Ok(()),
        401 => anyhow::bail!("the server refuses the token: {told}; is it the token of this server?"),
        404 => anyhow::bail!("{url} has no such route: is it a HOMEPOT server's REST address?"),
        status => anyhow::bail!("the server answers {status}: {told}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_spans_have_bounds() {
        assert_eq!((rate("0"), rate("2.5")), (Ok(0.0), Ok(2.5)));
        for bad in ["-1", "NaN", "inf", "100001", "many"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        for bad in ["0s", "31d", "5"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
