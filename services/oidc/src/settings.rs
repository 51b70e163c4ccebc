//! Settings of the sign-in with an identity provider.

use std::{ffi::OsString, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use homepot_host::settings::{Reader, given, given_path};
use http::HeaderValue;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::{Grants, address};

/// Where the provider sends browsers back to, below the page's address. The gateway has this route.
const CALLBACK: &str = "/session/callback";

/// Flags of the identity provider, as they are written.
#[allow(rustdoc::bare_urls)] // what is written here is the help of the shell, where no address is marked
#[derive(Clone, Debug, clap::Args)]
pub struct OidcFlags {
    /// Issuer of the OpenID Connect provider by which people sign in at the web page, such as https://login.example, exactly
    /// as the provider names itself. Without it people sign in with tokens and links alone.
    #[arg(long, env = "HOMEPOT_OIDC_ISSUER", value_name = "URL", help_heading = "Sign-in")]
    oidc_issuer: Option<String>,

    /// Id of this server as a client of the provider. Required with an issuer.
    #[arg(long, env = "HOMEPOT_OIDC_CLIENT_ID", value_name = "ID", help_heading = "Sign-in")]
    oidc_client_id: Option<String>,

    /// File that holds the client's secret. You can also give the secret itself in HOMEPOT_OIDC_CLIENT_SECRET, which has no
    /// flag. With neither, the server is a public client.
    #[arg(long, env = "HOMEPOT_OIDC_CLIENT_SECRET_FILE", value_name = "FILE", help_heading = "Sign-in")]
    oidc_client_secret_file: Option<OsString>,

    /// Address at which people open the web page, such as https://pot.example. The provider sends browsers back to
    /// /session/callback below it, which has to be registered there. Required with an issuer.
    #[arg(long, env = "HOMEPOT_OIDC_PAGE_URL", value_name = "URL", help_heading = "Sign-in")]
    oidc_page_url: Option<String>,

    /// Role of each group, such as 'homepot-admins=fleet-admin, shop-12-staff=operator@shop-12+shop-13'. Roles are viewer,
    /// operator, admin@SITE and fleet-admin; without a site, viewer and operator have every site. The highest role of a
    /// person's groups counts. Who is in none of them can't sign in. Required with an issuer.
    #[arg(long, env = "HOMEPOT_OIDC_ROLES", value_name = "LIST", help_heading = "Sign-in")]
    oidc_roles: Option<String>,

    /// What the provider is called on the sign-in's button [default: the issuer's host].
    #[arg(long, env = "HOMEPOT_OIDC_NAME", value_name = "NAME", help_heading = "Sign-in")]
    oidc_name: Option<String>,

    /// Scopes to ask for, separated by spaces. 'openid' must be among them.
    #[arg(long, env = "HOMEPOT_OIDC_SCOPES", value_name = "LIST", default_value = "openid profile")]
    #[arg(help_heading = "Sign-in")]
    oidc_scopes: String,

    /// Claim of the ID token that names the person. Operators get their names from it.
    #[arg(long, env = "HOMEPOT_OIDC_NAME_CLAIM", value_name = "CLAIM", default_value = "preferred_username")]
    #[arg(help_heading = "Sign-in")]
    oidc_name_claim: String,

    /// Claim of the ID token that lists the person's groups.
    #[arg(long, env = "HOMEPOT_OIDC_GROUPS_CLAIM", value_name = "CLAIM", default_value = "groups")]
    #[arg(help_heading = "Sign-in")]
    oidc_groups_claim: String,

    /// PEM file of the certificate authorities to trust for the provider [default: those of this machine].
    #[arg(long, env = "HOMEPOT_OIDC_CA_FILE", value_name = "FILE", help_heading = "Sign-in")]
    oidc_ca_file: Option<OsString>,
}

/// The secret that this server shares with the provider. Its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// How people sign in with an identity provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider, as it names itself.
    pub issuer: String,
    /// What it is called on the button.
    pub display_name: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<ClientSecret>,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: String,
    pub(crate) name_claim: String,
    pub(crate) groups_claim: String,
    /// What members of groups may.
    pub grants: Grants,
    pub(crate) authorities: Option<Vec<CertificateDer<'static>>>,
}

impl Settings {
    /// How a client with a secret says who it is: `client_secret_basic`, with both words encoded as in a form.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let ClientSecret(secret) = self.client_secret.as_ref()?;
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", encoded(&self.client_id), encoded(secret)));
        let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl OidcFlags {
    /// The way to the provider, checked; `None`: there is none.
    pub fn read(self, reader: &mut Reader<'_>) -> Option<Settings> {
        let secret = reader.secret("oidc-client-secret", "oidc-client-secret-file", self.oidc_client_secret_file);
        let (client_id, page, roles) = (given(self.oidc_client_id), given(self.oidc_page_url), given(self.oidc_roles));
        let Some(issuer) = given(self.oidc_issuer) else {
            let given = [client_id.is_some(), page.is_some(), roles.is_some(), secret.is_some()];
            if given.contains(&true) {
                let told = "is missing, and other settings of the identity provider are given";
                reader.fault("oidc-issuer", told);
            }
            return None;
        };
        let host = address::parse(&issuer).and_then(|uri| match uri.query() {
            None => Ok(uri.host().unwrap_or_default().to_owned()),
            Some(_) => Err(format!("'{issuer}' must have no query")),
        });
        let host = reader.keep("oidc-issuer", host, String::new());
        let client_id = reader.keep("oidc-client-id", required(client_id), String::new());
        let redirect_uri = required(page).and_then(|page| redirect(&page));
        let redirect_uri = reader.keep("oidc-page-url", redirect_uri, String::new());
        let grants = required(roles).and_then(|roles| roles.parse());
        let grants = reader.keep("oidc-roles", grants, Grants::default());
        let display_name = match given(self.oidc_name) {
            None => Ok(host),
            Some(name) if (1..=60).contains(&name.chars().count()) && !name.chars().any(char::is_control) => Ok(name),
            Some(_) => Err("must have 1 to 60 letters".to_owned()),
        };
        let display_name = reader.keep("oidc-name", display_name, String::new());
        let scopes = self.oidc_scopes.split_whitespace().collect::<Vec<_>>();
        let scopes = match scopes.contains(&"openid") {
            true => Ok(scopes.join(" ")),
            false => Err(format!("'{}' lacks the scope openid", self.oidc_scopes)),
        };
        let scopes = reader.keep("oidc-scopes", scopes, String::new());
        let authorities = given_path(self.oidc_ca_file).map(|path| {
            let read = CertificateDer::pem_file_iter(&path).and_then(|found| found.collect::<Result<Vec<_>, _>>());
            match read {
                Ok(found) if found.is_empty() => Err(format!("{} holds no certificate", path.display())),
                Ok(found) => Ok(found),
                Err(error) => Err(format!("can't read certificates from {}: {error}", path.display())),
            }
        });
        let authorities = reader.keep("oidc-ca-file", authorities.transpose(), None);
        Some(Settings {
            issuer,
            display_name,
            client_id,
            client_secret: secret.map(ClientSecret),
            redirect_uri,
            scopes,
            name_claim: self.oidc_name_claim,
            groups_claim: self.oidc_groups_claim,
            grants,
            authorities,
        })
    }
}

fn required(value: Option<String>) -> Result<String, String> {
    value.ok_or_else(|| "is required together with --oidc-issuer".to_owned())
}

fn redirect(page: &str) -> Result<String, String> {
    let uri = address::parse(page)?;
    if uri.query().is_some() || uri.path() != "/" {
        return Err(format!("'{page}' must be a scheme and a host, such as https://pot.example"));
    }
    Ok(format!("{}{CALLBACK}", page.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    const GOOD: [&str; 4] = [
        "--oidc-issuer=https://login.example/realm",
        "--oidc-client-id=pot",
        "--oidc-page-url=https://pot.example/",
        "--oidc-roles=admins=fleet-admin",
    ];

    fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Option<Settings>, Vec<String>> {
        test_support::read(flags, variables, OidcFlags::read)
    }

    #[test]
    fn a_provider_is_where_its_settings_say_and_its_secret_is_not_shown() {
        assert!(read(&[], &[]).unwrap().is_none());
        let public = read(&GOOD, &[]).unwrap().unwrap();
        assert_eq!((public.display_name.as_str(), public.scopes.as_str()), ("login.example", "openid profile"));
        assert_eq!(public.redirect_uri, "https://pot.example/session/callback");
        assert_eq!(public.basic(), None);
        let named = [&GOOD[..], &["--oidc-name=Acme"]].concat();
        let secret = read(&named, &[("HOMEPOT_OIDC_CLIENT_SECRET", "a b:c")]).unwrap().unwrap();
        assert_eq!(secret.display_name, "Acme");
        assert_eq!(secret.basic().unwrap(), format!("Basic {}", STANDARD.encode("pot:a+b%3Ac")));
        assert!(!format!("{secret:?} {:?}", secret.basic()).contains("a b:c"));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let told = read(&["--oidc-issuer=http://login.example", "--oidc-scopes=email"], &[]).unwrap_err();
        let settings: Vec<_> = told.iter().filter_map(|fault| fault.split(' ').next()).collect();
        let due = ["--oidc-issuer", "--oidc-client-id", "--oidc-page-url", "--oidc-roles", "--oidc-scopes"];
        assert_eq!(settings, due, "{told:?}");
        let told = read(&["--oidc-roles=admins=fleet-admin"], &[]).unwrap_err();
        assert!(told[0].starts_with("--oidc-issuer (HOMEPOT_OIDC_ISSUER): is missing"), "{told:?}");
        let page = [&GOOD[..2], &["--oidc-page-url=https://pot.example/page", "--oidc-roles=x=boss"]].concat();
        assert_eq!(read(&page, &[]).unwrap_err().len(), 2);
    }
}
