//! Services among themselves: a gateway is believed for the certificate that it shows, and nobody else is.

use homepot::pb::{device::v1::attach_response::Message as Down, registry::v1::WhoAmIRequest};
use homepot_tests::{
    Authority, Certificate, Server, ServerOptions, Session, TlsWay, elsewhere,
    grpc::{Caller, Clients},
    rest::Request,
};

use super::{
    addresses::{address_of, fail_at},
    certificates::{metric, replace},
};

const SERVICES: &str = "registry,telemetry,command,link";

/// Every service in one process, which shows `shown` and asks for certificates of `authority`. It trusts the address that all
/// of a test's callers have, which is not enough.
fn services(shown: &Certificate, authority: &Authority) -> ServerOptions {
    let options = ServerOptions::default()
        .env("HOMEPOT_ROLES", SERVICES)
        .env("HOMEPOT_TRUSTED_PROXIES", "127.0.0.0/8")
        .env("HOMEPOT_GRPC_CLIENT_CA", authority.file().display().to_string());
    shown.settings().into_iter().fold(options, |options, (name, value)| options.env(name, value))
}

/// A gateway before them that shows `shown`, or nothing.
async fn gateway(services: &Server, authority: &Authority, shown: Option<&Certificate>) -> Server {
    let options = ServerOptions::default()
        .env("HOMEPOT_ROLES", "gateway")
        .env("HOMEPOT_GRPC_URL", format!("https://{}", services.grpc_addr))
        .env("HOMEPOT_GRPC_CA", authority.file().display().to_string());
    let settings = shown.map(Certificate::client_settings).into_iter().flatten();
    Server::start_with(settings.fold(options, |options, (name, value)| options.env(name, value))).await
}

/// The address that the services believe of a device that fails at the gateway.
async fn believed(services: &Server, gateway: &Server, name: &str, from: std::net::IpAddr) -> String {
    let key = format!("hpd_{}", "A".repeat(43));
    let pending = Request::get("/api/v1/devices/pending").device(name, &key).from(from);
    assert_eq!(gateway.rest(pending).await.status, 401);
    address_of(services, name).await
}

/// Whether an operator is answered who comes by `way`.
async fn is_let_in(services: &Server, way: &TlsWay) -> bool {
    let clients = Clients::new(&way.address, &Caller::Operator(services.admin_token.clone()));
    clients.registry.clone().who_am_i(WhoAmIRequest {}).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_believed_for_its_certificate_and_not_for_its_address() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let shown = ours.server();
    let services_here = Server::start_with(services(&shown, &ours)).await;
    let certified = gateway(&services_here, &ours, Some(&ours.client())).await;
    let plain = gateway(&services_here, &ours, None).await;

    let from = elsewhere();
    assert!(believed(&services_here, &certified, "a", from).await.contains(&from.to_string()));
    let told = believed(&services_here, &plain, "b", from).await;
    assert!(told.contains("127.0.0.1") && !told.contains(&from.to_string()), "{told}");

    // Who dials the port without one goes on as before, and is believed nothing.
    let way = TlsWay::to(&services_here.grpc_addr, &shown, "h2").await;
    assert!(is_let_in(&services_here, &way).await);
    let claimed = fail_at(&services_here, &way.address, "c", ("x-forwarded-for", "192.0.2.7")).await;
    assert!(claimed.contains("127.0.0.1"), "{claimed}");
    let way = TlsWay::showing(&services_here.grpc_addr, &shown, &ours.client()).await;
    let claimed = fail_at(&services_here, &way.address, "d", ("x-forwarded-for", "192.0.2.8")).await;
    assert!(claimed.contains("192.0.2.8"), "{claimed}");

    // What is not good lets nobody in, not even an operator with a good token.
    for (what, bad) in [
        ("of another authority", theirs.client()),
        ("expired", ours.expired_client()),
        ("for servers", ours.server()),
        ("signed by itself", Certificate::new()),
    ] {
        let way = TlsWay::showing(&services_here.grpc_addr, &shown, &bad).await;
        assert!(!is_let_in(&services_here, &way).await, "a certificate that is {what}");
    }
    assert!(metric(&services_here, "homepot_tls_handshake_failures_total").await >= 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_no_device_needs_may_be_for_services_alone() {
    let ours = Authority::new("ours");
    let shown = ours.server();
    let options = services(&shown, &ours).env("HOMEPOT_ROLES", "registry").env("HOMEPOT_GRPC_CLIENT_AUTH", "required");
    let registry = Server::start_with(options).await;
    let with_one = TlsWay::showing(&registry.grpc_addr, &shown, &ours.client()).await;
    let without = TlsWay::to(&registry.grpc_addr, &shown, "h2").await;
    assert!(is_let_in(&registry, &with_one).await);
    assert!(!is_let_in(&registry, &without).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_and_certificates_are_replaced_under_calls_and_a_broken_file_changes_nothing() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let (shown, client) = (old.server(), old.client());
    let mut services_here = Server::start_with(services(&shown, &old)).await;
    let front = gateway(&services_here, &old, Some(&client)).await;

    // A device without a certificate, whose stream is to live through all of it.
    let straight = services_here.grpc_addr.clone();
    let way = TlsWay::to(&straight, &shown, "h2").await;
    services_here.grpc_addr.clone_from(&way.address);
    services_here.create_site("site-001", false).await;
    let till = services_here.enroll("site-001", "till").await;
    let (mut session, _) = Session::attach(&services_here, &till).await;
    services_here.grpc_addr.clone_from(&straight);

    let done = std::cell::Cell::new(false);
    let calling = async {
        let mut calls = 0;
        while !done.get() {
            let asked = Request::get("/api/v2/whoami").bearer(&services_here.admin_token);
            let answer = front.rest(asked).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            calls += 1;
        }
        assert!(calls > 0);
    };
    let (used, both) = ("new connections use the new files", [&services_here, &front]);
    let authorities = |pem: String| {
        let file = old.file();
        move || std::fs::write(file, pem).unwrap()
    };
    let replacing = async {
        // Whoever has to trust learns of the new authority first.
        replace(&both, used, authorities(old.pem() + &new.pem())).await;
        replace(&both, "the old ones stay in their place", authorities("no certificate".to_owned())).await;
        assert_eq!(metric(&services_here, "homepot_files_unusable{setting=\"grpc-client-ca\"}").await, 1.0);
        assert_eq!(metric(&front, "homepot_files_unusable{setting=\"grpc-ca\"}").await, 1.0);
        replace(&both, "the files can be used again", authorities(old.pem() + &new.pem())).await;
        // Authorities that are none of ours: nobody stops what works.
        let file = old.file();
        let stays = "the connection by the old ones stays";
        replace(&[&front], stays, || std::fs::write(&file, Authority::new("theirs").pem()).unwrap()).await;
        replace(&[&front], used, authorities(old.pem() + &new.pem())).await;
        replace(&[&services_here], used, || shown.replace_with(&new.server())).await;
        replace(&[&front], used, || client.replace_with(&new.client())).await;
        replace(&both, used, authorities(new.pem())).await;
        for (name, front) in [("a", &front), ("b", &gateway(&services_here, &old, Some(&client)).await)] {
            let from = elsewhere();
            assert!(believed(&services_here, front, name, from).await.contains(&from.to_string()), "{name}");
        }
        done.set(true);
    };
    tokio::join!(calling, replacing);

    let late = TlsWay::showing(&straight, &new.server(), &old.client()).await;
    assert!(!is_let_in(&services_here, &late).await, "the old authority is no longer trusted");
    let ends = |setting| format!("homepot_tls_certificate_expiry_timestamp_seconds{{setting=\"{setting}\"}}");
    for (server, setting) in [
        (&services_here, "tls-cert"),
        (&services_here, "grpc-client-ca"),
        (&front, "grpc-ca"),
        (&front, "grpc-client-cert"),
    ] {
        assert!(metric(server, &ends(setting)).await > 0.0, "{setting}");
    }
    let ping = serde_json::json!({"command_type": "PING"});
    let queue = Request::post("/api/v2/devices/till/commands").json(&ping).bearer(&services_here.admin_token);
    assert_eq!(front.rest(queue).await.status, 200);
    let delivered = |message: &Down| matches!(message, Down::Command(_)).then_some(());
    session.expect("a command on the stream from before", delivered).await;
}
