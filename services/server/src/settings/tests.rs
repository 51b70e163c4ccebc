use clap::{Args as _, Command};
use homepot::model::Secret;
use homepot_host::settings::{test_support, variable};
use homepot_registry::OpenEnrollment;
use homepot_store::maintenance::Retention;

use super::*;

const TOKEN: &str = "hpo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    test_support::read(flags, variables, Flags::read)
}

fn faults(flags: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    read(flags, variables).unwrap_err()
}

#[test]
fn the_defaults_run_everything_on_loopback() {
    let settings = read(&[], &[]).unwrap();
    assert_eq!(settings.roles, Roles::all());
    assert_eq!(settings.addresses.grpc.to_string(), "127.0.0.1:50051");
    assert_eq!(settings.addresses.rest.to_string(), "127.0.0.1:8000");
    assert_eq!(settings.addresses.ops.to_string(), "127.0.0.1:9464");
    assert_eq!(settings.data_dir.to_str(), Some("/var/lib/homepot"));
    assert!(settings.database.url.is_none() && settings.security.tls.is_none() && settings.redis.is_none());
    assert_eq!(settings.registry.open_enrollment, OpenEnrollment::Off);
    assert_eq!(settings.drain_deadline, Duration::from_secs(8));
    assert!(settings.secrets.admin_token.is_none() && settings.secrets.server.is_none());
    assert_eq!(settings.database.retention, Retention::default());
}

#[test]
fn every_flag_has_the_variable_that_follows_from_its_name() {
    for arg in Flags::augment_args(Command::new("serve")).get_arguments() {
        let expected = variable(arg.get_long().unwrap());
        assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
        assert!(arg.get_help().is_some(), "{arg:?}");
    }
}

#[test]
fn all_faults_are_told_at_once_with_flag_and_variable_in_the_order_of_the_help() {
    let told = faults(
        &[
            "--roles=lnik",
            "--grpc-addr=here",
            "--database-threads=0",
            "--retention-errors=1h",
            "--tls-cert=/nowhere/cert.pem",
            "--trusted-proxies=10.0.0.1,proxy",
            "--forwarded-header=x-real-ip",
            "--reflection=on",
            "--unauthenticated-connections=1",
            "--unauthenticated-connections-per-address=many",
            "--open-enrollment=everybody",
            "--sample-interval=5",
            "--heartbeat-interval=1h",
            "--fleet-metrics=yes",
            "--watches=1",
            "--drain-deadline=1h",
            "--log=homepot=loud",
            "--log-format=xml",
            "--redis-ca-file=/nowhere/ca.pem",
        ],
        &[
            ("HOMEPOT_ADMIN_TOKEN", "letmein"),
            ("HOMEPOT_SECRET", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ("HOMEPOT_DATABASE_URL", "mysql://root:secret@db"),
            ("HOMEPOT_REDIS_URL", "redis://good,http://root:secret@cache"),
            ("HOME", "/home/x"),
        ],
    );
    let starts = [
        "--roles (HOMEPOT_ROLES): 'lnik' is not a role",
        "--grpc-addr (HOMEPOT_GRPC_ADDR): 'here' is not an IP address and port",
        "HOMEPOT_DATABASE_URL: is not an address such as",
        "--database-threads (HOMEPOT_DATABASE_THREADS): '0' is not a number from 1 to 256",
        "--retention-errors (HOMEPOT_RETENTION_ERRORS): '1h' is not within",
        "--redis-ca-file (HOMEPOT_REDIS_CA_FILE): can't read certificates from /nowhere/ca.pem",
        "HOMEPOT_REDIS_URL: is not an address such as",
        "--tls-key (HOMEPOT_TLS_KEY): is missing",
        "--trusted-proxies (HOMEPOT_TRUSTED_PROXIES): 'proxy' is neither an IP address nor a network",
        "--forwarded-header (HOMEPOT_FORWARDED_HEADER): 'x-real-ip' is neither",
        "--reflection (HOMEPOT_REFLECTION): 'on' is none of",
        "--unauthenticated-connections (HOMEPOT_UNAUTHENTICATED_CONNECTIONS): '1' is not a number from 16 to 100000",
        "--unauthenticated-connections-per-address (HOMEPOT_UNAUTHENTICATED_CONNECTIONS_PER_ADDRESS): 'many' is not",
        "HOMEPOT_ADMIN_TOKEN: must be 'hpo_' followed by",
        "HOMEPOT_SECRET: must be 32 to 1,024 random letters",
        "--open-enrollment (HOMEPOT_OPEN_ENROLLMENT): 'everybody' is neither",
        "--sample-interval (HOMEPOT_SAMPLE_INTERVAL): '5' is not a time",
        "--heartbeat-interval (HOMEPOT_HEARTBEAT_INTERVAL): '1h' is not within 1s and 600s",
        "--fleet-metrics (HOMEPOT_FLEET_METRICS): 'yes' is neither",
        "--watches (HOMEPOT_WATCHES): '1' is not a number from 2 to 100000",
        "--drain-deadline (HOMEPOT_DRAIN_DEADLINE): '1h' is not within 1s and 300s",
        "--log (HOMEPOT_LOG): 'homepot=loud' is not a log filter",
        "--log-format (HOMEPOT_LOG_FORMAT): 'xml' is neither",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (fault, start) in told.iter().zip(starts) {
        assert!(fault.starts_with(start), "{start}\nis not in its place in {told:#?}");
    }
    assert!(!told.concat().contains("secret") && !told.concat().contains("letmein"), "{told:#?}");
}

#[test]
fn open_enrollment_and_a_proxy_are_not_had_together() {
    let settings = read(&["--open-enrollment=loopback"], &[]).unwrap();
    assert_eq!(settings.registry.open_enrollment, OpenEnrollment::Loopback);
    for proxy in ["--insecure-plaintext=behind-proxy", "--trusted-proxies=127.0.0.1"] {
        let told = faults(&["--open-enrollment=loopback", proxy], &[]);
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(
            told[0].starts_with("--open-enrollment (HOMEPOT_OPEN_ENROLLMENT): 'loopback' can't stand"),
            "{told:#?}"
        );
    }
}

#[test]
fn a_listener_that_does_not_run_needs_no_tls() {
    assert!(read(&["--roles=link", "--rest-addr=0.0.0.0:8000"], &[]).is_ok());
    assert!(faults(&["--roles=link", "--grpc-addr=0.0.0.0:50051"], &[])[0].starts_with("--grpc-addr"));
}

#[test]
fn a_gateway_alone_needs_to_know_where_the_services_are() {
    assert!(faults(&["--roles=gateway"], &[])[0].starts_with("--grpc-url (HOMEPOT_GRPC_URL): is needed"));
    assert!(faults(&["--roles=gateway", "--grpc-url=db:1"], &[])[0].contains("must begin with https://"));
    let far = ["--roles=gateway", "--grpc-url=http://10.0.0.7:50051"];
    let told = faults(&far, &[]);
    assert!(told[0].starts_with("--grpc-url (HOMEPOT_GRPC_URL): ") && told[0].contains("in clear"), "{told:?}");
    let settings = read(&[&far[..], &["--allow-plaintext"]].concat(), &[]).unwrap();
    assert!(read(&["--roles=gateway", "--grpc-url=https://a:1"], &[]).is_ok(), "the system's roots vouch for it");
    let everywhere = settings.services.by_role.values().all(|names| names[0].to_string() == far[1][11..]);
    assert!(everywhere && settings.services.by_role.len() == 4, "{:?}", settings.services);
    assert!(read(&["--grpc-url=http://10.0.0.7:50051"], &[]).unwrap().services.by_role.is_empty());
}

#[test]
fn a_gateway_shows_a_certificate_with_its_key_and_over_tls_alone() {
    let (cert, key) = ("--grpc-client-cert=/nowhere/cert.pem", "--grpc-client-key=/nowhere/key.pem");
    let to = |url: &'static str, more: &[&'static str]| faults(&[&["--roles=gateway", url], more].concat(), &[]);
    let (tls, plain) = ("--grpc-url=https://services:50051", "--grpc-url=http://127.0.0.1:50051");
    assert_eq!(
        to(tls, &[cert])[0],
        "--grpc-client-key (HOMEPOT_GRPC_CLIENT_KEY): is missing; --grpc-client-cert needs it"
    );
    assert!(to(tls, &[key])[0].starts_with("--grpc-client-cert (HOMEPOT_GRPC_CLIENT_CERT): is missing"));
    assert!(to(tls, &[cert, key])[0].contains("/nowhere/cert.pem"));
    assert!(to(plain, &[cert, key])[0].contains("127.0.0.1:50051, which is no https address"));
    assert!(to(tls, &["--grpc-ca=/nowhere/ca.pem"])[0].starts_with("--grpc-ca (HOMEPOT_GRPC_CA): /nowhere/ca.pem"));
}

#[test]
fn each_role_that_runs_elsewhere_has_an_address_of_its_own_or_the_common_one() {
    let of = |flags: &[&str]| {
        let services = read(flags, &[]).unwrap().services.by_role;
        let shown = |names: Vec<_>| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        services.into_iter().map(|(role, names)| format!("{} {}", role.as_str(), shown(names))).collect::<Vec<_>>()
    };
    let common = ["--roles=gateway,link", "--grpc-url=https://all", "--command-url=https://a:1, https://b:1"];
    assert_eq!(of(&common), ["registry https://all", "telemetry https://all", "command https://a:1 https://b:1"]);
    let own =
        ["--registry-url=https://r", "--telemetry-url=https://t", "--command-url=https://c", "--link-url=https://l"];
    assert_eq!(of(&[&["--roles=gateway"], &own[..]].concat()).len(), 4);
    let told = faults(&[&["--roles=gateway"], &own[2..]].concat(), &[]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("registry and telemetry run neither here nor at an address of its own"), "{told:?}");
    let told =
        faults(&["--roles=gateway", "--registry-url=r", "--link-url=http://10.0.0.1", "--grpc-url=https://a"], &[]);
    assert!(told.len() == 2 && told[0].starts_with("--registry-url") && told[1].starts_with("--link-url"), "{told:?}");
}

#[test]
fn a_private_database_is_migrated_by_its_own_server() {
    let told = faults(&["--migrations=wait"], &[]);
    assert!(told.len() == 1 && told[0].starts_with("--migrations (HOMEPOT_MIGRATIONS): 'wait' needs"), "{told:?}");
    let outside = [("HOMEPOT_DATABASE_URL", "postgres://db/homepot")];
    assert_eq!(read(&["--migrations=wait"], &outside).unwrap().migrations, Migrations::Wait);
    assert!(faults(&["--migrations=later"], &[])[0].contains("'later' is neither 'run' nor 'wait'"));
}

#[test]
fn secrets_come_from_a_variable_or_a_file_and_not_from_both() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let flag = format!("--admin-token-file={}", file.display());
    assert_eq!(read(&[&flag], &[]).unwrap().secrets.admin_token, Some(Secret::presented(TOKEN)));
    let variables = [("HOMEPOT_ADMIN_TOKEN", TOKEN), ("HOME", "/home/x")];
    assert_eq!(read(&[], &variables).unwrap().secrets.admin_token, Some(Secret::presented(TOKEN)));
    assert!(faults(&[&flag], &variables)[0].contains("is given together with HOMEPOT_ADMIN_TOKEN"));
    assert!(faults(&["--admin-token-file=/nowhere/token"], &[])[0].contains("can't read /nowhere/token"));
    let told = format!("{:?}", read(&[&flag], &[]).unwrap());
    assert!(!told.contains(TOKEN));
}

#[test]
fn an_ordinary_user_keeps_data_at_home() {
    let directory = |variables| read(&[], variables).unwrap().data_dir;
    assert_eq!(directory(&[("HOME", "/home/x")]).to_str(), Some("/home/x/.local/share/homepot"));
    assert_eq!(directory(&[("HOME", "/home/x"), ("XDG_DATA_HOME", "/data")]).to_str(), Some("/data/homepot"));
    assert_eq!(
        directory(&[("HOME", "/home/x"), ("XDG_DATA_HOME", "data")]).to_str(),
        Some("/home/x/.local/share/homepot")
    );
    // A container may have no home, and need none where everything is given.
    assert_eq!(directory(&[("USER", "x")]).to_str(), Some("/var/lib/homepot"));
}

#[test]
fn a_blank_secret_is_no_missing_one() {
    for name in ["HOMEPOT_ADMIN_TOKEN", "HOMEPOT_DATABASE_URL", "HOMEPOT_REDIS_URL"] {
        let told = faults(&[], &[(name, " "), ("HOME", "/home/ada")]);
        assert_eq!(told, [format!("{name}: is set, but its value is blank: give it a value, or unset it")]);
    }
}

#[test]
fn an_empty_flag_is_one_that_is_not_given() {
    let settings = read(
        &["--tls-cert=", "--tls-key=", "--insecure-plaintext=", "--data-dir=", "--grpc-url=", "--admin-token-file="],
        &[],
    )
    .unwrap();
    assert!(settings.security.tls.is_none());
    assert_eq!(settings.data_dir.to_str(), Some("/var/lib/homepot"));
}
