//! An identity provider on this machine, which can be told to be at fault. It speaks as much of OpenID Connect as a client needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::{
    digest, hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::Certificate;

/// The client that it knows.
const CLIENT: (&str, &str) = ("pot", "between-the-two");

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Tokens without a signature.
    AlgNone,
    /// Tokens with the public key as a shared secret.
    Hs256,
    /// Tokens for another sign-in.
    WrongNonce,
    /// Tokens of another issuer.
    WrongIssuer,
    /// Tokens for another client.
    WrongAudience,
    /// Tokens for this client and another, made for the other.
    OtherParty,
    /// Tokens that have expired.
    Expired,
    /// Tokens that were issued in an hour: its clock is wrong.
    Future,
    /// Tokens whose claims were changed after they were signed.
    WrongSignature,
    /// Tokens that name a key that it does not show.
    UnknownKey,
    /// A token endpoint that answers without an end.
    Oversized,
    /// A token endpoint that does not answer.
    Slow,
    /// A token endpoint that sends elsewhere.
    Redirect,
    /// A discovery document of another issuer.
    OtherIssuer,
    /// Codes are taken more than once.
    CodesForEver,
    /// Tokens do not say when somebody showed who it is.
    NoAuthTime,
    /// It takes nobody's word anew: who signed in an hour ago is not asked.
    OldAuthTime,
    /// It is down.
    Down,
}

/// Who signs in.
#[derive(Clone, Debug)]
pub struct Member {
    /// The provider's own name.
    pub subject: String,
    /// What people say.
    pub name: String,
    /// Its groups.
    pub groups: Vec<String>,
}

impl Member {
    /// Somebody in these groups.
    pub fn new(subject: &str, name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self { subject: subject.to_owned(), name: name.to_owned(), groups }
    }
}

/// A code that waits to be exchanged.
#[derive(Clone)]
struct Granted {
    member: Member,
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

struct State {
    issuer: String,
    key: EcdsaKeyPair,
    key_number: u32,
    faults: BTreeSet<Fault>,
    granted: BTreeMap<String, Granted>,
    calls: BTreeMap<String, usize>,
}

/// A provider that runs, and ends when it is dropped.
pub struct Provider {
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn new_key() -> EcdsaKeyPair {
    let (rng, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).expect("a key can be made");
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &rng).expect("it is one")
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(fastrand::u128(..).to_le_bytes())
}

impl Provider {
    /// Starts one.
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// Starts one that shows this certificate.
    pub async fn start_over_tls(certificate: &Certificate) -> Self {
        Self::listen(Some(certificate.acceptor())).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let issuer = match tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let state = State {
            issuer,
            key: new_key(),
            key_number: 1,
            faults: BTreeSet::new(),
            granted: BTreeMap::new(),
            calls: BTreeMap::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (shared.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(shared, stream).await,
                        Some(tls) => {
                            // Who does not trust it goes away.
                            let Ok(stream) = tls.accept(stream).await else { return };
                            serve(shared, stream).await;
                        }
                    }
                });
            }
        });
        Self { state, task }
    }

    /// Its name.
    pub fn issuer(&self) -> String {
        self.state.lock().issuer.clone()
    }

    /// The settings of a server that trusts it, whose page is at `page`, and in which groups have the roles that `roles` say.
    pub fn settings(&self, page: &str, roles: &str) -> Vec<(&'static str, String)> {
        let (client_id, secret) = CLIENT;
        vec![
            ("HOMEPOT_OIDC_ISSUER", self.issuer()),
            ("HOMEPOT_OIDC_CLIENT_ID", client_id.to_owned()),
            ("HOMEPOT_OIDC_CLIENT_SECRET", secret.to_owned()),
            ("HOMEPOT_OIDC_PAGE_URL", page.to_owned()),
            ("HOMEPOT_OIDC_NAME", "Acme".to_owned()),
            ("HOMEPOT_OIDC_ROLES", roles.to_owned()),
        ]
    }

    /// From now on it has these faults and no others.
    pub fn be(&self, faults: &[Fault]) {
        self.state.lock().faults = faults.iter().copied().collect();
    }

    /// Signs with another key, and shows only that one.
    pub fn rotate_key(&self) {
        let mut state = self.state.lock();
        state.key = new_key();
        state.key_number += 1;
    }

    /// How often a path was called.
    pub fn calls(&self, path: &str) -> usize {
        self.state.lock().calls.get(path).copied().unwrap_or_default()
    }

    /// Signs `member` in, whose browser was sent to `url`; answers the parameters with which it is sent back.
    pub fn sign_in(&self, url: &str, member: &Member) -> Vec<(String, String)> {
        let mut state = self.state.lock();
        let (endpoint, query) = url.split_once('?').expect("an address with parameters");
        assert_eq!(endpoint, format!("{}/authorize", state.issuer));
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let get = |name: &str| query.get(name).cloned().unwrap_or_else(|| panic!("{name} is missing: {url}"));
        assert_eq!((get("response_type").as_str(), get("client_id").as_str()), ("code", CLIENT.0));
        assert_eq!(get("code_challenge_method"), "S256");
        assert!(get("scope").split(' ').any(|scope| scope == "openid"));
        let code = random();
        let granted = Granted {
            member: member.clone(),
            nonce: get("nonce"),
            challenge: get("code_challenge"),
            redirect_uri: get("redirect_uri"),
        };
        state.granted.insert(code.clone(), granted);
        vec![("code".to_owned(), code), ("state".to_owned(), get("state"))]
    }
}

impl State {
    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        let named = if self.has(Fault::OtherIssuer) { "http://127.0.0.1:1" } else { issuer };
        json!({
            "issuer": named,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
        })
    }

    fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let kid = format!("key-{}", self.key_number);
        json!({ "keys": [
            { "kty": "oct", "k": "AAAA", "kid": kid, "alg": "HS256" },
            { "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig" },
        ] })
    }

    /// Status and answer of the token endpoint.
    fn token(&mut self, form: &BTreeMap<String, String>, authorization: &str) -> (u16, Value) {
        let refused = |error: &str| (400, json!({ "error": error }));
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1));
        if authorization != format!("Basic {pair}") {
            return refused("invalid_client");
        }
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let Some(granted) = self.granted.get(get("code")).cloned() else { return refused("invalid_grant") };
        if !self.has(Fault::CodesForEver) {
            self.granted.remove(get("code"));
        }
        let challenge = digest::digest(&digest::SHA256, get("code_verifier").as_bytes());
        let fits = URL_SAFE_NO_PAD.encode(challenge) == granted.challenge;
        if !fits || get("redirect_uri") != granted.redirect_uri || get("grant_type") != "authorization_code" {
            return refused("invalid_grant");
        }
        (200, json!({ "token_type": "Bearer", "access_token": random(), "id_token": self.id_token(&granted) }))
    }

    fn id_token(&self, granted: &Granted) -> String {
        let now = if self.has(Fault::Future) { now() + 3600 } else { now() };
        let mut claims = json!({
            "iss": if self.has(Fault::WrongIssuer) { "http://127.0.0.1:1" } else { &self.issuer },
            "aud": if self.has(Fault::WrongAudience) { "another" } else { CLIENT.0 },
            "sub": granted.member.subject,
            "iat": if self.has(Fault::Expired) { now - 7200 } else { now },
            "exp": if self.has(Fault::Expired) { now - 3600 } else { now + 300 },
            "nonce": if self.has(Fault::WrongNonce) { "another" } else { &granted.nonce },
            "auth_time": if self.has(Fault::OldAuthTime) { now - 3600 } else { now },
            "preferred_username": granted.member.name,
            "groups": granted.member.groups,
        });
        if self.has(Fault::OtherParty) {
            (claims["aud"], claims["azp"]) = (json!([CLIENT.0, "another"]), json!("another"));
        }
        if self.has(Fault::NoAuthTime) {
            claims["auth_time"].take();
        }
        let alg = match () {
            () if self.has(Fault::AlgNone) => "none",
            () if self.has(Fault::Hs256) => "HS256",
            () => "ES256",
        };
        let number = if self.has(Fault::UnknownKey) { fastrand::u32(1_000..) } else { self.key_number };
        let header = json!({ "alg": alg, "kid": format!("key-{number}") });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = match alg {
            "none" => Vec::new(),
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.public_key().as_ref());
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            _ => {
                let rng = SystemRandom::new();
                self.key.sign(&rng, signed.as_bytes()).expect("a key signs").as_ref().to_vec()
            }
        };
        let signed = match self.has(Fault::WrongSignature) {
            true => {
                claims["groups"] = json!(["admins"]);
                claims["sub"] = json!("somebody-else");
                format!("{}.{}", encode(&header), encode(&claims))
            }
            false => signed,
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// One request, one answer.
async fn serve(state: Arc<Mutex<State>>, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Some((path, head, body)) = read(&mut stream).await else { return };
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let (status, answer, faults) = {
        let mut state = state.lock();
        *state.calls.entry(path.clone()).or_default() += 1;
        let (status, answer) = match path.as_str() {
            "/.well-known/openid-configuration" => (200, state.discovery()),
            "/keys" => (200, state.keys()),
            "/token" => {
                let form = form_urlencoded::parse(&body).into_owned().collect();
                state.token(&form, &header("authorization"))
            }
            _ => (404, json!({})),
        };
        (status, answer, state.faults.clone())
    };
    if faults.contains(&Fault::Down) {
        return;
    }
    if path == "/token" && faults.contains(&Fault::Slow) {
        // Longer than any client waits; the test ends it.
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let mut more = String::new();
    let mut text = answer.to_string();
    let mut status = status;
    if path == "/token" && faults.contains(&Fault::Oversized) {
        text = format!("{{\"id_token\":\"{}\"}}", "x".repeat(4 << 20));
    }
    if path == "/token" && faults.contains(&Fault::Redirect) {
        let issuer = state.lock().issuer.clone();
        (status, more) = (307, format!("Location: {issuer}/elsewhere\r\n"));
    }
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\
         {more}\r\n{text}"
    );
    // Who has read enough may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Path, head and body of a request.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let body = &bytes[end + 4..];
        if body.len() >= length.unwrap_or_default() {
            let path = head.split(' ').nth(1)?.split('?').next()?.to_owned();
            return Some((path, head, body.to_vec()));
        }
    }
}
