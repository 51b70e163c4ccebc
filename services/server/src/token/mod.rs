//! `homepot token`: who may, managed from the shell over gRPC.

mod show;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use homepot::{
    model::{Role, Secret, SecretKind, to_proto_duration},
    pb::{device::v1::DeviceSource, registry::v1 as pb},
};
use homepot_runtime::settings::{default_data_dir, parse_time};

use self::show::{Output, Shown};
use crate::{
    admin_token,
    client::{self, Client, refusal},
    terminal::say,
};

pub(crate) const AFTER_HELP: &str = "\
Your own token is read from HOMEPOT_TOKEN, else from --token-file, else from admin-token in the data directory; there \
is no flag for it, because process lists show flags.";

/// Rows asked for at once; every page is fetched.
const PAGE_SIZE: u32 = 1000;

#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    connection: Connection,
    /// How answers look: a table for people, json for scripts.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Args)]
struct Connection {
    /// The server's gRPC address.
    #[arg(long, global = true, env = "HOMEPOT_GRPC_URL", default_value = "http://127.0.0.1:50051", value_name = "URL")]
    server: String,
    /// PEM file of the authorities that vouch for an https server.
    #[arg(long, global = true, env = "HOMEPOT_GRPC_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// File that holds your token.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The server's data directory, where the first admin's token is.
    #[arg(long, global = true, env = "HOMEPOT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make an operator and show its token, once.
    CreateOperator {
        /// 1 to 64 of A-Z, a-z, 0-9, '.', '_', '@' and '-'.
        name: String,
        /// What it may do: viewer, operator or admin.
        #[arg(long, default_value = "viewer", value_parser = parse_role)]
        role: Role,
        /// A site where it may do it; can be repeated. Without any: at every site.
        #[arg(long = "site", value_name = "SITE_ID")]
        sites: Vec<String>,
        /// How long its token is good, such as 12h or 90d. Left out: until revoked.
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        ttl: Option<Duration>,
    },
    /// List operators, without their tokens.
    ListOperators,
    /// End an operator's token.
    RevokeOperator {
        /// The operator.
        name: String,
    },
    /// Give an operator a new token and show it, once; the old one ends.
    RotateOperator {
        /// The operator.
        name: String,
    },
    /// Make a token that lets devices enrol at a site and show it, once.
    CreateEnrollment {
        /// The site it is good for.
        #[arg(long, value_name = "SITE_ID")]
        site: String,
        /// How many devices may enrol with it.
        #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// How long it is good, such as 30m, 24h or 7d.
        #[arg(long, default_value = "24h", value_name = "TIME", value_parser = parse_time)]
        ttl: Duration,
        /// Its devices are simulated ones.
        #[arg(long)]
        simulated: bool,
    },
    /// List enrolment tokens, without their secrets.
    ListEnrollments {
        /// Only of this site.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "SITE_ID")]
        site: String,
    },
    /// End an enrolment token; devices that enrolled with it stay.
    RevokeEnrollment {
        /// Its public id, as the list shows it.
        token_id: String,
    },
    /// Show who your own token says you are.
    #[command(name = "whoami")]
    WhoAmI,
}

fn parse_role(word: &str) -> Result<Role, String> {
    word.parse().map_err(|error: homepot::Error| error.message().to_owned())
}

pub(crate) fn run(args: TokenArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shown = runtime.block_on(async {
        let variable = std::env::var("HOMEPOT_TOKEN").ok();
        let token = args.connection.token(variable)?;
        let channel = client::connect(&args.connection.server, args.connection.ca.as_ref()).await?;
        act(&Client::new(channel, &token)?, args.action).await
    })?;
    say(shown.render(args.output));
    Ok(())
}

impl Connection {
    /// The caller's own token.
    fn token(&self, variable: Option<String>) -> anyhow::Result<Secret> {
        if let Some(text) = variable.filter(|text| !text.trim().is_empty()) {
            let token = Secret::presented(text.trim());
            token.check_form(SecretKind::OperatorToken, "HOMEPOT_TOKEN")?;
            return Ok(token);
        }
        let of_data_dir = || Some(self.data_dir.clone().or_else(default_data_dir)?.join(admin_token::FILE));
        let path = self.token_file.clone().or_else(of_data_dir).context("give your token in HOMEPOT_TOKEN")?;
        admin_token::read(&path)
            .with_context(|| format!("no token in {}; give yours in HOMEPOT_TOKEN or by --token-file", path.display()))
    }
}

async fn act(client: &Client, action: Action) -> anyhow::Result<Shown> {
    let mut registry = client.registry();
    let answer = match action {
        Action::CreateOperator { name, role, sites, ttl } => {
            let role = pb::Role::from(role).into();
            let time_to_live = ttl.map(to_proto_duration);
            let request = pb::CreateOperatorRequest { name, role, site_ids: sites, time_to_live };
            registry.create_operator(request).await.map(|answer| {
                let answer = answer.into_inner();
                Shown::OperatorToken(answer.operator.unwrap_or_default(), answer.token)
            })
        }
        Action::RotateOperator { name } => {
            registry.rotate_operator_token(pb::RotateOperatorTokenRequest { name }).await.map(|answer| {
                let answer = answer.into_inner();
                Shown::OperatorToken(answer.operator.unwrap_or_default(), answer.token)
            })
        }
        Action::RevokeOperator { name } => {
            let answer = registry.revoke_operator(pb::RevokeOperatorRequest { name }).await;
            answer.map(|answer| Shown::Operator(answer.into_inner().operator.unwrap_or_default()))
        }
        Action::WhoAmI => {
            let answer = registry.who_am_i(pb::WhoAmIRequest {}).await;
            answer.map(|answer| Shown::Operator(answer.into_inner().operator.unwrap_or_default()))
        }
        Action::ListOperators => operators(client).await.map(Shown::Operators),
        Action::CreateEnrollment { site, uses, ttl, simulated } => {
            let source = if simulated { DeviceSource::Simulated } else { DeviceSource::Real };
            let request = pb::CreateEnrollmentTokenRequest {
                site_id: site,
                max_uses: uses,
                time_to_live: Some(to_proto_duration(ttl)),
                source: source.into(),
            };
            registry.create_enrollment_token(request).await.map(|answer| {
                let answer = answer.into_inner();
                Shown::EnrollmentSecret(answer.enrollment_token.unwrap_or_default(), answer.secret)
            })
        }
        Action::ListEnrollments { site } => enrollments(client, site).await.map(Shown::Enrollments),
        Action::RevokeEnrollment { token_id } => {
            let answer = registry.revoke_enrollment_token(pb::RevokeEnrollmentTokenRequest { token_id }).await;
            answer.map(|answer| Shown::Enrollment(answer.into_inner().enrollment_token.unwrap_or_default()))
        }
    };
    answer.map_err(|status| refusal(&status))
}

async fn operators(client: &Client) -> Result<Vec<pb::Operator>, tonic::Status> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListOperatorsRequest { page_size: PAGE_SIZE, page_token };
        let page = client.registry().list_operators(request).await?.into_inner();
        all.extend(page.operators);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn enrollments(client: &Client, site_id: String) -> Result<Vec<pb::EnrollmentToken>, tonic::Status> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListEnrollmentTokensRequest { site_id: site_id.clone(), page_size: PAGE_SIZE, page_token };
        let page = client.registry().list_enrollment_tokens(request).await?.into_inner();
        all.extend(page.enrollment_tokens);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "hpo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

    fn connection(token_file: Option<PathBuf>, data_dir: Option<PathBuf>) -> Connection {
        Connection { server: String::new(), ca: None, token_file, data_dir }
    }

    #[test]
    fn the_token_comes_from_the_variable_then_the_file_then_the_data_directory() {
        let directory = tempfile::tempdir().unwrap();
        let of_admin = TOKEN.replace('w', "x");
        std::fs::write(directory.path().join("mine"), TOKEN).unwrap();
        std::fs::write(directory.path().join(admin_token::FILE), format!("{of_admin}\n")).unwrap();
        let file = Some(directory.path().join("mine"));
        let data_dir = Some(directory.path().to_path_buf());

        let other = TOKEN.replace('B', "C");
        let token = connection(file.clone(), data_dir.clone()).token(Some(other.clone())).unwrap();
        assert_eq!(token.reveal(), other);
        let token = connection(file, data_dir.clone()).token(Some(String::new())).unwrap();
        assert_eq!(token.reveal(), TOKEN);
        let token = connection(None, data_dir).token(None).unwrap();
        assert_eq!(token.reveal(), of_admin);
    }

    #[test]
    fn a_token_that_is_missing_or_none_is_told_without_repeating_it() {
        let nowhere = Some(PathBuf::from("/nowhere"));
        let error = connection(None, nowhere.clone()).token(None).unwrap_err().to_string();
        assert!(error.starts_with("no token in /nowhere/admin-token; give yours in HOMEPOT_TOKEN"), "{error}");
        let error = connection(None, nowhere).token(Some("swordfish".into())).unwrap_err().to_string();
        assert!(!error.contains("swordfish"), "{error}");
    }
}
