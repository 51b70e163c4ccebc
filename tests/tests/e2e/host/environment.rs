//! A variable that is set and can't be used is an error in every program, never "not set".

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    process::{Command, Output, Stdio},
};

use homepot_tests::{Server, clean, homepot_command, program};

fn output(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_cannot_be_read_or_is_blank_is_nobody_and_not_the_admin_of_the_data_directory() {
    let server = Server::start().await;
    let stray = [server.admin_token.as_bytes(), b"\xff"].concat();
    let whoami = |token: Option<&[u8]>| {
        let mut command = homepot_command();
        command.args(["ctl", "whoami", "--data-dir"]).arg(server.data_dir());
        command.env("HOMEPOT_GRPC_URL", format!("http://{}", server.grpc_addr));
        token.map(|token| command.env("HOMEPOT_TOKEN", OsStr::from_bytes(token)));
        output(&mut command)
    };
    let (status, told) = whoami(None);
    assert!(status == Some(0) && told.contains("admin"), "with no variable it is the data directory's: {told}");
    for token in [stray.as_slice(), b"", b" "] {
        let (status, told) = whoami(Some(token));
        assert_eq!(status, Some(2), "{told}");
        assert!(told.contains("HOMEPOT_TOKEN is set, but its value is "), "{told}");
        assert!(!told.contains(&server.admin_token) && !told.contains("role"), "{told}");
    }
}

#[test]
fn every_program_names_all_variables_at_fault_and_does_nothing() {
    let calls: [(&str, &[&str]); 6] = [
        ("homepot", &["serve"]),
        ("homepot", &["health"]),
        ("homepot-agent", &["run"]),
        ("homepot-agent", &["status"]),
        ("homepot-sim", &["scenarios"]),
        ("homepot-bench", &["--help"]),
    ];
    for (name, arguments) in calls {
        let mut command = clean(Command::new(program(name)));
        command.args(arguments).env("HOMEPOT_TLS_CERT", " ").env("HOMEPOT_DATA_DIR", OsStr::from_bytes(b"secret\xff"));
        let (status, told) = output(&mut command);
        assert_eq!(status, Some(2), "{name}: {told}");
        assert!(told.contains("HOMEPOT_DATA_DIR is set, but its value is not UTF-8 text"), "{name}: {told}");
        assert!(told.contains("HOMEPOT_TLS_CERT is set, but its value is blank"), "{name}: {told}");
        assert!(!told.contains("secret"), "{name}: {told}");
    }
}
