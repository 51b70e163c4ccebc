use clap::{Args as _, Command, FromArgMatches as _};
use homepot_host::environment::VariableError;

use super::*;

const TOKEN: &str = "hpo_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

/// Reads `flags` in surroundings of the test's own; the process' environment is out of reach.
fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let command = Flags::augment_args(Command::new("serve")).mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
    let matches = command.try_get_matches_from(["serve"].iter().chain(flags)).unwrap();
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        match found {
            Some((_, value)) if value.trim().is_empty() => Err(VariableError::Blank(name.to_owned())),
            found => Ok(found.map(|(_, value)| (*value).to_owned())),
        }
    };
    let surroundings = Surroundings { variable: &variable, is_root: variables.is_empty() };
    Settings::read_from(Flags::from_arg_matches(&matches).unwrap(), surroundings)
}

fn faults(flags: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    read(flags, variables).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_run_everything_on_loopback() {
    let settings = read(&[], &[]).unwrap();
    assert_eq!(settings.roles, Roles::all());
    assert_eq!(settings.addresses.grpc.to_string(), "127.0.0.1:50051");
    assert_eq!(settings.addresses.rest.to_string(), "127.0.0.1:8000");
    assert_eq!(settings.addresses.ops.to_string(), "127.0.0.1:9464");
    assert_eq!(settings.data_dir.to_str(), Some("/var/lib/homepot"));
    assert!(settings.database.url.is_none() && settings.tls.is_none() && settings.admin_token.is_none());
    assert_eq!(settings.open_enrollment, OpenEnrollment::Off);
    assert_eq!(settings.drain_deadline, Duration::from_secs(8));
    let kept =
        Retention { samples: 7 * DAY, minutes: 90 * DAY, hours: 730 * DAY, activities: 30 * DAY, errors: 90 * DAY };
    assert_eq!(settings.retention, kept);
}

#[test]
fn every_flag_has_the_variable_that_follows_from_its_name() {
    for arg in Flags::augment_args(Command::new("serve")).get_arguments() {
        let expected = reader::variable(arg.get_long().unwrap());
        assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
        assert!(arg.get_help().is_some(), "{arg:?}");
    }
}

#[test]
fn all_faults_are_told_at_once_with_flag_and_variable() {
    let told = faults(
        &[
            "--roles=lnik",
            "--grpc-addr=here",
            "--database-threads=0",
            "--tls-cert=/nowhere/cert.pem",
            "--trusted-proxies=10.0.0.1,proxy",
            "--forwarded-header=x-real-ip",
            "--reflection=on",
            "--unauthenticated-connections=1",
            "--unauthenticated-connections-per-address=many",
            "--open-enrollment=everybody",
            "--sample-interval=5",
            "--heartbeat-interval=1h",
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
        "--tls-key (HOMEPOT_TLS_KEY): is missing",
        "--log (HOMEPOT_LOG): 'homepot=loud' is not a log filter",
        "--log-format (HOMEPOT_LOG_FORMAT): 'xml' is neither",
        "HOMEPOT_DATABASE_URL: is not an address such as",
        "--database-threads (HOMEPOT_DATABASE_THREADS): '0' is not a number from 1 to 256",
        "--redis-ca-file (HOMEPOT_REDIS_CA_FILE): can't read certificates from /nowhere/ca.pem",
        "HOMEPOT_REDIS_URL: is not an address such as",
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
    ];
    for start in starts {
        assert!(told.iter().any(|fault| fault.starts_with(start)), "{start}\nis not in {told:#?}");
    }
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    assert!(!told.concat().contains("secret") && !told.concat().contains("letmein"), "{told:#?}");
}

#[test]
fn the_error_names_its_count_and_lists_each_fault_on_a_line() {
    let error = read(&["--grpc-addr=x", "--rest-addr=y"], &[]).unwrap_err().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines[0], "2 settings are at fault:");
    assert!(lines[1].starts_with("  --grpc-addr ") && lines[2].starts_with("  --rest-addr "), "{error}");
}

#[test]
fn plaintext_off_loopback_needs_tls_files_or_the_explicit_word() {
    let open = ["--grpc-addr=0.0.0.0:50051", "--rest-addr=[::]:8000"];
    let told = faults(&open, &[]);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].starts_with("--grpc-addr") && told[1].starts_with("--rest-addr"), "{told:#?}");
    assert!(read(&[&open[..], &["--insecure-plaintext=behind-proxy"]].concat(), &[]).is_ok());
    let told = faults(&[&open[..], &["--insecure-plaintext=1"]].concat(), &[]);
    assert_eq!(told, ["--insecure-plaintext (HOMEPOT_INSECURE_PLAINTEXT): '1' is not the word 'behind-proxy'"]);
}

#[test]
fn open_enrollment_and_a_proxy_are_not_had_together() {
    assert!(read(&["--open-enrollment=loopback"], &[]).is_ok());
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
fn reflection_is_for_operators_wherever_strangers_may_reach_it() {
    let reflection = |flags: &[&str]| read(flags, &[]).unwrap().reflection;
    assert_eq!(reflection(&[]), Reflection::Anyone);
    assert_eq!(reflection(&["--grpc-addr=0.0.0.0:1", "--insecure-plaintext=behind-proxy"]), Reflection::Operators);
    assert_eq!(reflection(&["--insecure-plaintext=behind-proxy"]), Reflection::Operators);
    assert_eq!(reflection(&["--trusted-proxies=10.0.0.0/8"]), Reflection::Operators);
    assert_eq!(reflection(&["--reflection=operators"]), Reflection::Operators);
    assert_eq!(reflection(&["--reflection=off"]), Reflection::Off);
}

#[test]
fn a_listener_that_does_not_run_needs_no_tls() {
    assert!(read(&["--roles=link", "--rest-addr=0.0.0.0:8000"], &[]).is_ok());
    assert!(read(&["--ops-addr=0.0.0.0:9464", "--grpc-addr=[::1]:50051"], &[]).is_ok());
}

#[test]
fn tls_files_open_every_address() {
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let flag = |name: &str, path: &std::path::Path| format!("--{name}={}", path.display());
    let settings = read(&["--grpc-addr=0.0.0.0:1", &flag("tls-cert", &cert), &flag("tls-key", &key)], &[]).unwrap();
    assert!(settings.tls.is_some());
    let told = faults(&[&flag("tls-cert", &key), &flag("tls-key", &key)], &[]);
    assert!(told[0].starts_with("--tls-cert (HOMEPOT_TLS_CERT): "), "{told:#?}");
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
    assert_eq!(settings.services.unwrap().address.to_string(), "http://10.0.0.7:50051");
    assert_eq!(read(&["--grpc-url=http://10.0.0.7:50051"], &[]).unwrap().services, None);
}

#[test]
fn secrets_come_from_a_variable_or_a_file_and_not_from_both() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let flag = format!("--admin-token-file={}", file.display());
    assert_eq!(read(&[&flag], &[]).unwrap().admin_token, Some(Secret::presented(TOKEN)));
    let variables = [("HOMEPOT_ADMIN_TOKEN", TOKEN), ("HOME", "/home/x")];
    assert_eq!(read(&[], &variables).unwrap().admin_token, Some(Secret::presented(TOKEN)));
    assert!(faults(&[&flag], &variables)[0].contains("is given together with HOMEPOT_ADMIN_TOKEN"));
    assert!(faults(&["--admin-token-file=/nowhere/token"], &[])[0].contains("can't read /nowhere/token"));
    let told = format!("{:?}", read(&[&flag], &[]).unwrap());
    assert!(!told.contains(TOKEN));
}

#[test]
fn redis_is_where_its_addresses_say_and_its_password_is_not_shown() {
    assert!(read(&[], &[]).unwrap().redis.is_none());
    let directory = tempfile::tempdir().unwrap();
    let (urls, ca) = (directory.path().join("urls"), directory.path().join("ca.pem"));
    std::fs::write(&urls, "redis://:hidden@a:7000, rediss://b\n").unwrap();
    std::fs::write(&ca, rcgen::generate_simple_self_signed(["b".to_owned()]).unwrap().cert.pem()).unwrap();
    let flags = [format!("--redis-url-file={}", urls.display()), format!("--redis-ca-file={}", ca.display())];
    let redis = read(&flags.each_ref().map(String::as_str), &[]).unwrap().redis.unwrap();
    assert_eq!(format!("{:?}", redis.addresses), "[RedisAddress(a:7000), RedisAddress(b:6379)]");
    assert_eq!(redis.authorities.unwrap().len(), 1);
    let told = faults(&[&format!("--redis-ca-file={}", urls.display())], &[]);
    assert!(told[0].starts_with("--redis-ca-file (HOMEPOT_REDIS_CA_FILE): "), "{told:?}");
    assert!(!told[0].contains("hidden"));
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
    assert!(faults(&[], &[("USER", "x")])[0].starts_with("--data-dir (HOMEPOT_DATA_DIR): is not given"));
}

#[test]
fn the_fleet_is_told_to_a_prometheus_only_where_it_is_switched_on() {
    assert_eq!(read(&[], &[]).unwrap().fleet_metrics, None);
    assert_eq!(read(&["--fleet-metrics=on"], &[]).unwrap().fleet_metrics, Some(1_000));
    let told = faults(&["--fleet-metrics=yes", "--fleet-metrics-devices=0"], &[]);
    let starts = [
        "--fleet-metrics-devices (HOMEPOT_FLEET_METRICS_DEVICES): '0' is not a number from 1 to 100000",
        "--fleet-metrics (HOMEPOT_FLEET_METRICS): 'yes' is neither",
    ];
    assert!(told.iter().zip(starts).all(|(fault, start)| fault.starts_with(start)), "{told:?}");
    assert_eq!(told.len(), 2);
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
    assert!(settings.tls.is_none());
    assert_eq!(settings.data_dir.to_str(), Some("/var/lib/homepot"));
}

#[test]
fn times_have_a_unit() {
    assert_eq!(parse_time("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_time("2m"), Ok(Duration::from_secs(120)));
    for text in ["", "5", "s", "5 s", "-1s", "1w", "99999999999999999999s", "18446744073709551615d"] {
        assert!(parse_time(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_coarser_is_kept_for_at_least_as_long() {
    let told = faults(&["--retention-samples=30d", "--retention-minutes=10d", "--retention-hours=9d"], &[]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("--retention-minutes (HOMEPOT_RETENTION_MINUTES): "), "{told:?}");
    assert!(told[1].starts_with("--retention-hours (HOMEPOT_RETENTION_HOURS): "), "{told:?}");
    assert_eq!(faults(&["--retention-samples=5h"], &[]).len(), 1);
    let equal = ["--retention-samples=9d", "--retention-minutes=9d", "--retention-hours=9d"];
    assert_eq!(read(&equal, &[]).unwrap().retention.hours, 9 * DAY);
}
