use std::path::{Path, PathBuf};

use homepot_host::settings::test_support;

use super::*;
use crate::settings::AddressFlags;

#[derive(Debug, clap::Args)]
struct Flags {
    #[command(flatten)]
    addresses: AddressFlags,
    #[command(flatten)]
    security: SecurityFlags,
}

fn read_where(opened: Listening, flags: &[&str]) -> Result<SecuritySettings, Vec<String>> {
    test_support::read(flags, &[], |flags: Flags, reader| {
        let addresses = flags.addresses.read(reader);
        flags.security.read(reader, &addresses, opened)
    })
}

fn read(flags: &[&str]) -> Result<SecuritySettings, Vec<String>> {
    read_where(Listening { grpc: true, rest: true, devices: true }, flags)
}

fn faults(flags: &[&str]) -> Vec<String> {
    read(flags).unwrap_err()
}

#[test]
fn plaintext_off_loopback_needs_tls_files_or_the_explicit_word() {
    let open = ["--grpc-addr=0.0.0.0:50051", "--rest-addr=[::]:8000"];
    let told = faults(&open);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].starts_with("--grpc-addr") && told[1].starts_with("--rest-addr"), "{told:#?}");
    assert!(read(&[&open[..], &["--insecure-plaintext=behind-proxy"]].concat()).is_ok());
    let told = faults(&[&open[..], &["--insecure-plaintext=1"]].concat());
    assert_eq!(told, ["--insecure-plaintext (HOMEPOT_INSECURE_PLAINTEXT): '1' is not the word 'behind-proxy'"]);
}

#[test]
fn strangers_look_like_clients_here_where_a_proxy_stands_in_front() {
    assert!(!read(&[]).unwrap().behind_proxy);
    for proxy in ["--insecure-plaintext=behind-proxy", "--trusted-proxies=127.0.0.1"] {
        assert!(read(&[proxy]).unwrap().behind_proxy, "{proxy}");
    }
}

#[test]
fn reflection_is_for_operators_wherever_strangers_may_reach_it() {
    let reflection = |flags: &[&str]| read(flags).unwrap().reflection;
    assert_eq!(reflection(&[]), Reflection::Anyone);
    assert_eq!(reflection(&["--grpc-addr=0.0.0.0:1", "--insecure-plaintext=behind-proxy"]), Reflection::Operators);
    assert_eq!(reflection(&["--insecure-plaintext=behind-proxy"]), Reflection::Operators);
    assert_eq!(reflection(&["--trusted-proxies=10.0.0.0/8"]), Reflection::Operators);
    assert_eq!(reflection(&["--reflection=operators"]), Reflection::Operators);
    assert_eq!(reflection(&["--reflection=off"]), Reflection::Off);
}

#[test]
fn a_listener_that_is_not_opened_needs_no_tls() {
    let grpc_alone = Listening { grpc: true, rest: false, devices: true };
    assert!(read_where(grpc_alone, &["--rest-addr=0.0.0.0:8000"]).is_ok());
    assert!(read_where(grpc_alone, &["--grpc-addr=0.0.0.0:50051"]).is_err());
    assert!(read(&["--ops-addr=0.0.0.0:9464", "--grpc-addr=[::1]:50051"]).is_ok());
}

/// A certificate and its key, as files.
fn certificate_in(directory: &Path) -> (PathBuf, PathBuf) {
    let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    (cert, key)
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

#[test]
fn tls_files_open_every_address() {
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = certificate_in(directory.path());
    let settings = read(&["--grpc-addr=0.0.0.0:1", &flag("tls-cert", &cert), &flag("tls-key", &key)]).unwrap();
    assert!(settings.tls.is_some());
    let told = faults(&[&flag("tls-cert", &key), &flag("tls-key", &key)]);
    assert!(told[0].starts_with("--tls-cert (HOMEPOT_TLS_CERT): "), "{told:#?}");
}

#[test]
fn certificates_of_services_need_tls_and_an_authority_and_are_never_asked_of_devices() {
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = certificate_in(directory.path());
    let (cert_flag, key_flag, ca) = (flag("tls-cert", &cert), flag("tls-key", &key), flag("grpc-client-ca", &cert));

    let told = faults(&[&ca]);
    assert!(told[0].starts_with("--grpc-client-ca (HOMEPOT_GRPC_CLIENT_CA): needs --tls-cert"), "{told:?}");
    fn and<'a>(tls: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
        [tls, more].concat()
    }
    let tls = [cert_flag.as_str(), key_flag.as_str()];
    assert!(faults(&and(&tls, &[&flag("grpc-client-ca", &key)]))[0].contains("holds no certificate"));
    assert!(faults(&and(&tls, &["--grpc-client-auth=required"]))[0].contains("needs --grpc-client-ca"));
    assert!(faults(&and(&tls, &[&ca, "--grpc-client-auth=always"]))[0].contains("'always' is neither"));
    assert!(faults(&and(&tls, &[&ca, "--grpc-client-auth=required"]))[0].contains("devices have no certificates"));
    let no_devices = Listening { grpc: true, rest: false, devices: false };
    let settings = read_where(no_devices, &and(&tls, &[&ca, "--grpc-client-auth=required"])).unwrap();
    assert!(settings.client_authorities.is_some() && settings.behind_proxy, "its clients may come through a gateway");
}
