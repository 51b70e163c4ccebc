//! The first admin's token and the server's secret. When they are not given, the first start writes them to the data
//! directory, so these flags are the server's.

use std::ffi::OsString;

use homepot::model::{Secret, SecretKind};
use homepot_host::settings::Reader;
use homepot_registry::Registry;

/// Flags of the files that hold the secrets, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SecretFlags {
    /// File that holds the first admin's token. You can also give the token itself in HOMEPOT_ADMIN_TOKEN, which has no
    /// flag. With neither, the first start makes a token and writes it to admin-token in the data directory.
    #[arg(long, env = "HOMEPOT_ADMIN_TOKEN_FILE", value_name = "FILE", help_heading = "Security")]
    admin_token_file: Option<OsString>,

    /// File that holds the server's secret: 32 to 1,024 random letters. You can also give the secret itself in
    /// HOMEPOT_SECRET, which has no flag. With neither, the first start makes a secret and writes it to server-secret
    /// in the data directory. All servers on one database need the same secret.
    #[arg(long, env = "HOMEPOT_SECRET_FILE", value_name = "FILE", help_heading = "Security")]
    secret_file: Option<OsString>,
}

/// The secrets that were given.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    /// The first admin's token; `None`: one is made.
    pub(crate) admin_token: Option<Secret>,
    /// The server's secret; `None`: one is made.
    pub(crate) server: Option<Secret>,
}

impl SecretFlags {
    /// The secrets, checked.
    pub(super) fn read(self, reader: &mut Reader<'_>) -> Secrets {
        Secrets {
            admin_token: admin_token(reader, self.admin_token_file),
            server: server_secret(reader, self.secret_file),
        }
    }
}

fn admin_token(reader: &mut Reader<'_>, file: Option<OsString>) -> Option<Secret> {
    let token = reader.secret("admin-token", "admin-token-file", file).map(Secret::presented)?;
    if let Err(error) = token.check_form(SecretKind::OperatorToken, "admin_token") {
        reader.secret_fault(
            "admin-token",
            error.field_violations().iter().map(|v| v.reason.as_str()).collect::<String>(),
        );
    }
    Some(token)
}

fn server_secret(reader: &mut Reader<'_>, file: Option<OsString>) -> Option<Secret> {
    let secret = reader.secret("secret", "secret-file", file).map(Secret::presented)?;
    if let Err(reason) = Registry::check_server_secret(&secret) {
        reader.secret_fault("secret", reason);
    }
    Some(secret)
}
