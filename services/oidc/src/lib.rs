//! A small client of OpenID Connect: it sends people to the identity provider of their company, and finds out who came back.
//!
//! It speaks the authorization code flow with PKCE, and nothing else of the standard. [`Provider::authorization_url`] is
//! where a browser goes to sign in; [`Provider::person`] exchanges the code that it comes back with, and answers who that is
//! only when the signed token passes every check of `token.rs`. It keeps no state of a sign-in: what one sign-in must remember
//! is an [`Attempt`], which the registry makes and keeps. It asks no clock; the registry tells it the time.
//!
//! Nothing is fetched before somebody signs in, so that a provider that is down does not keep a server from starting. What the
//! provider answers is bounded in size and time, redirects are not followed, and TLS is required beyond this machine.
//!
//! It is our own, because the known client brings 58 crates, among them `rsa`, whose timing leaks
//! (docs/decisions/0019-an-oidc-client-of-our-own.md). It calls nothing of ours but the contract's types.

mod address;
mod discovery;
mod fetch;
mod groups;
mod keys;
mod name;
pub mod settings;
mod signature;
mod token;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::{discovery::Discovery, fetch::Fetcher, keys::Keys};

pub use crate::{
    groups::Grants,
    name::operator_name,
    settings::{ClientSecret, Settings},
};

/// The whole exchange of a code may take this long; a gateway waits no longer than 10 s for an answer.
const EXCHANGE: Duration = Duration::from_secs(8);

/// What one sign-in has to remember from its begin to its end.
#[derive(Clone)]
pub struct Attempt {
    /// Comes back with the browser, which shows that it is the one that began.
    pub state: String,
    /// Comes back in the token, which shows that it was made for this sign-in.
    pub nonce: String,
    /// The secret of PKCE, which shows the provider that whoever exchanges the code also began.
    pub verifier: String,
    /// Whether the person has to show who it is, although the provider may still know it.
    pub is_fresh: bool,
    /// When it began, in seconds since 1970.
    pub begun_at: i64,
}

/// Who signed in, as the provider vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider's own name for the person, which never changes.
    pub subject: String,
    /// What people call it; `None`: the token has no such claim.
    pub name: Option<String>,
    /// The groups it belongs to.
    pub groups: Vec<String>,
    /// When it last showed who it is, in seconds since 1970; `None`: the provider did not say.
    pub authenticated_at: Option<i64>,
}

/// Why nobody is signed in. The texts are for the log: what the provider sent may be in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The provider can't be reached, or does not answer as the standard has it.
    #[error("{0}")]
    Unavailable(String),
    /// The provider does not take the code, or does not know this client.
    #[error("the token endpoint refused: {0}")]
    Refused(String),
    /// The token that it answered can't be trusted.
    #[error("the ID token can't be trusted: {0}")]
    Untrusted(String),
}

/// An identity provider. It has no `Debug`, because a secret is in it.
pub struct Provider {
    settings: Settings,
    fetcher: Fetcher,
    discovery: Discovery,
    keys: Keys,
}

/// The answer of a token endpoint.
#[derive(Deserialize)]
struct Exchanged {
    id_token: Option<String>,
}

/// What an endpoint says when it refuses.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Provider {
    /// A client of the provider that `settings` name. Fetches nothing.
    pub fn new(settings: Settings) -> Result<Self, rustls::Error> {
        let fetcher = Fetcher::new(settings.authorities.clone())?;
        Ok(Self { discovery: Discovery::new(settings.issuer.clone()), keys: Keys::default(), fetcher, settings })
    }

    /// How it is set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where a browser goes to sign in.
    pub async fn authorization_url(&self, attempt: &Attempt) -> Result<String, Fault> {
        let within = tokio::time::timeout(EXCHANGE, self.discovery.get(&self.fetcher)).await;
        let endpoint = within.map_err(|_| too_slow())??.authorization_endpoint.clone();
        let challenge = ring::digest::digest(&ring::digest::SHA256, attempt.verifier.as_bytes());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect_uri)
            .append_pair("scope", &self.settings.scopes)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256");
        if attempt.is_fresh {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{joint}{}", query.finish()))
    }

    /// Who came back with this code; `issuer` is what the browser brought beside it, if anything, and `now` is the time in
    /// seconds since 1970.
    pub async fn person(&self, code: &str, issuer: Option<&str>, attempt: &Attempt, now: i64) -> Result<Person, Fault> {
        let exchange = self.exchange(code, issuer, attempt, now);
        tokio::time::timeout(EXCHANGE, exchange).await.unwrap_or_else(|_| Err(too_slow()))
    }

    async fn exchange(&self, code: &str, issuer: Option<&str>, attempt: &Attempt, now: i64) -> Result<Person, Fault> {
        let metadata = self.discovery.get(&self.fetcher).await?;
        // RFC 9207: an answer that another provider gave is not taken to this one.
        let is_ours = issuer.map_or(!metadata.names_itself, |issuer| issuer == self.settings.issuer);
        if !is_ours {
            return Err(Fault::Untrusted("the browser came back from another issuer".to_owned()));
        }
        let (form, basic) = (self.form(code, attempt), self.settings.basic());
        let answer = self.fetcher.post_form(&metadata.token_endpoint, basic, form).await?;
        if !answer.status.is_success() {
            let told = serde_json::from_slice(&answer.body).map_or_else(|_| String::new(), |Refusal { error }| error);
            return Err(Fault::Refused(format!("{} {}", answer.status.as_u16(), shown(&told))));
        }
        let exchanged: Exchanged = answer.json("the token endpoint")?;
        let Some(id_token) = exchanged.id_token else {
            return Err(Fault::Unavailable("the token endpoint answered no id_token".to_owned()));
        };
        let token = token::Token::parse(&id_token)?;
        let keys = self.keys.for_kid(token.kid(), &metadata.jwks_uri, &self.fetcher).await?;
        token.check(&keys, token::Due { settings: &self.settings, attempt, now })
    }

    /// What the token endpoint is asked.
    fn form(&self, code: &str, attempt: &Attempt) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.settings.redirect_uri)
            .append_pair("code_verifier", &attempt.verifier);
        if self.settings.client_secret.is_none() {
            form.append_pair("client_id", &self.settings.client_id);
        }
        form.finish()
    }
}

fn too_slow() -> Fault {
    Fault::Unavailable("the provider did not answer in time".to_owned())
}

/// A word of the provider as the log may have it.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_graphic()).take(64).collect()
}
