//! The connection to a server: its address, and the caller's token.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use homepot::model::{Secret, SecretKind, ServerAddress};
use homepot_host::{environment, secret_file};

use super::context::{Context, Contexts};
use crate::{
    admin_token,
    client::{self, CALL_TIMEOUT, Client},
    settings::default_data_dir,
};

const HEADING: &str = "Server";
const DEFAULT_SERVER: &str = "http://127.0.0.1:50051";

#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// Context to take the settings from that are not given here [default: the current one, see `contexts`].
    #[arg(long, global = true, help_heading = HEADING, env = "HOMEPOT_CONTEXT", value_name = "NAME")]
    context: Option<String>,
    /// The server's gRPC address [default: http://127.0.0.1:50051].
    #[arg(long, global = true, help_heading = HEADING, env = "HOMEPOT_GRPC_URL", value_name = "URL")]
    server: Option<String>,
    /// Send your token in clear text to a server on another machine. Use it only if something else encrypts the
    /// connection.
    #[arg(long, global = true, help_heading = HEADING, env = "HOMEPOT_ALLOW_PLAINTEXT")]
    allow_plaintext: bool,
    /// PEM file of the certificate authorities to trust for an https server [default: those of this machine].
    #[arg(long, global = true, help_heading = HEADING, env = "HOMEPOT_GRPC_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// File that holds your token. Nobody but its owner may have access to it.
    #[arg(long, global = true, help_heading = HEADING, env = "HOMEPOT_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The server's data directory, which holds the first admin's token.
    #[arg(long, global = true, help_heading = HEADING, env = "HOMEPOT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Connection {
    /// Connects for calls whose answer may take `longer` than usual.
    pub(crate) async fn open(&self, longer: Duration) -> anyhow::Result<Client> {
        let context = self.over(self.chosen()?)?;
        let server = context.server.as_deref().unwrap_or(DEFAULT_SERVER);
        let address = ServerAddress::parse(server, context.allow_plaintext)
            .map_err(|fault| anyhow::anyhow!("--server (HOMEPOT_GRPC_URL): {fault}"))?;
        let token = self.token(context.token_file, environment::variable("HOMEPOT_TOKEN")?)?;
        let channel = client::connect(&address, context.ca.as_ref(), CALL_TIMEOUT + longer).await?;
        Client::new(channel, &address, &token)
    }

    /// The context that counts. Where a server is named the current one does not: its token would go to another server.
    fn chosen(&self) -> anyhow::Result<Context> {
        match (&self.context, &self.server) {
            (None, Some(_)) => Ok(Context::default()),
            (name, _) => Contexts::read()?.chosen(name.as_deref()),
        }
    }

    /// What flags and variables say, over what a context says. Paths are whole, so that they hold wherever they are used.
    pub(crate) fn over(&self, context: Context) -> anyhow::Result<Context> {
        let whole = |path: &PathBuf| std::path::absolute(path).with_context(|| format!("{}", path.display()));
        let given = |path: &Option<PathBuf>| path.as_ref().filter(|path| !path.as_os_str().is_empty()).map(whole);
        Ok(Context {
            server: self.server.clone().or(context.server),
            ca: given(&self.ca).transpose()?.or(context.ca),
            token_file: given(&self.token_file).transpose()?.or(context.token_file),
            allow_plaintext: self.allow_plaintext || context.allow_plaintext,
        })
    }

    /// The caller's own token.
    fn token(&self, file: Option<PathBuf>, variable: Option<String>) -> anyhow::Result<Secret> {
        if let Some(text) = variable {
            let token = Secret::presented(text.trim());
            token.check_form(SecretKind::OperatorToken, "HOMEPOT_TOKEN")?;
            return Ok(token);
        }
        let of_data_dir = || Some(self.data_dir.clone().or_else(default_data_dir)?.join(admin_token::FILE));
        let path = file.or_else(of_data_dir).context("give your token in HOMEPOT_TOKEN")?;
        read_private(&path)
    }
}

/// Reads a token from a file that nobody else may touch.
fn read_private(path: &Path) -> anyhow::Result<Secret> {
    let shown = path.display();
    let missing = || format!("no token in {shown}; give yours in HOMEPOT_TOKEN or by --token-file");
    let text = match secret_file::read_private(path) {
        Ok(text) => text,
        Err(error) if error.is_missing() => return Err(error).with_context(missing),
        Err(error) => return Err(error.into()),
    };
    let token = Secret::presented(text.trim());
    token.check_form(SecretKind::OperatorToken, "the token").with_context(missing)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const TOKEN: &str = "hpo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

    fn read_token(
        file: Option<PathBuf>,
        data_dir: Option<PathBuf>,
        variable: Option<String>,
    ) -> anyhow::Result<Secret> {
        let connection =
            Connection { context: None, server: None, allow_plaintext: false, ca: None, token_file: file, data_dir };
        connection.token(connection.over(Context::default())?.token_file, variable)
    }

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_token_comes_from_the_variable_then_the_file_then_the_data_directory() {
        let directory = tempfile::tempdir().unwrap();
        let of_admin = TOKEN.replace('w', "x");
        write(&directory.path().join("mine"), TOKEN, 0o400);
        write(&directory.path().join(admin_token::FILE), &format!("{of_admin}\n"), 0o600);
        let file = Some(directory.path().join("mine"));
        let data_dir = Some(directory.path().to_path_buf());

        let other = TOKEN.replace('B', "C");
        let token = read_token(file.clone(), data_dir.clone(), Some(other.clone())).unwrap();
        assert_eq!(token.reveal(), other);
        let token = read_token(file, data_dir.clone(), None).unwrap();
        assert_eq!(token.reveal(), TOKEN);
        let token = read_token(Some(PathBuf::new()), data_dir, None).unwrap();
        assert_eq!(token.reveal(), of_admin);
    }

    #[test]
    fn a_token_file_that_others_may_touch_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mine");
        for mode in [0o640, 0o604, 0o620, 0o601] {
            write(&path, TOKEN, mode);
            let error = read_token(Some(path.clone()), None, None).unwrap_err().to_string();
            assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
            assert!(error.contains(&format!("{mode:04o}")) && !error.contains(TOKEN), "{error}");
        }
    }

    #[test]
    fn a_token_that_is_missing_or_none_is_told_without_repeating_it() {
        let nowhere = Some(PathBuf::from("/nowhere"));
        let error = read_token(None, nowhere.clone(), None).unwrap_err().to_string();
        assert!(error.starts_with("no token in /nowhere/admin-token; give yours in HOMEPOT_TOKEN"), "{error}");
        let error = read_token(None, nowhere, Some("swordfish".into())).unwrap_err().to_string();
        assert!(!error.contains("swordfish"), "{error}");
        let directory = tempfile::tempdir().unwrap();
        write(&directory.path().join("mine"), "swordfish", 0o600);
        let error = read_token(Some(directory.path().join("mine")), None, None).unwrap_err();
        assert!(!format!("{error:#}").contains("swordfish"), "{error:#}");
    }
}
