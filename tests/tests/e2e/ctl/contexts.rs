//! Servers by name.

use std::path::Path;

use homepot_tests::{AnySystem, homepot_command};
use serde_json::json;

use super::{Done, command, ctl, run, write};

/// The command of a user whose configuration lies in `home`, and who says nothing by variables.
async fn at_home(home: &Path, arguments: &[&str]) -> Done {
    let mut command = homepot_command();
    command.arg("ctl").args(arguments).env("HOME", home).env("XDG_CONFIG_HOME", home.join("config"));
    run(command, "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_says_which_server_and_which_token_and_flags_and_variables_win_over_it() {
    let server = AnySystem::start().await;
    let home = tempfile::tempdir().unwrap();
    let token_file = home.path().join("token");
    write(&token_file, &server.admin_token, 0o600);
    let address = format!("http://{}", server.grpc_addr);
    let (file, path) = (token_file.to_str().unwrap(), home.path());

    at_home(path, &["contexts", "current"]).await.refused(1, &["no context is current"]);
    let set = ["contexts", "set", "laptop", "--server", &address, "--token-file", file];
    at_home(path, &set).await.lines();
    at_home(path, &["contexts", "set", "nowhere", "--server", "http://127.0.0.1:1"]).await.lines();
    let who = at_home(path, &["whoami", "-o", "json"]).await.json();
    assert_eq!(who["name"], "admin", "the first one is current");
    let kept = std::fs::read_to_string(path.join("config/homepot/contexts.json")).unwrap();
    assert!(!kept.contains(&server.admin_token), "{kept}");

    // A server that is named gets no token that was kept for another one.
    let named = ["whoami", "--server", &address, "--data-dir", "/nowhere"];
    at_home(path, &named).await.refused(1, &["no token in /nowhere"]);
    at_home(path, &[&named[..], &["--context", "laptop"]].concat()).await.lines();

    at_home(path, &["contexts", "use", "nowhere"]).await.lines();
    at_home(path, &["whoami", "--token-file", file]).await.refused(1, &["nobody answers", "127.0.0.1:1"]);
    assert_eq!(at_home(path, &["whoami", "--context", "laptop", "-o", "name"]).await.lines(), ["admin"]);
    let given = ["whoami", "--server", &address, "--token-file", file, "-o", "name"];
    assert_eq!(at_home(path, &given).await.lines(), ["admin"]);
    let mut by_variables = command(&server, &["whoami", "-o", "name"]);
    by_variables.env("XDG_CONFIG_HOME", path.join("config"));
    assert_eq!(run(by_variables, "").await.lines(), ["admin"], "variables win over the current context");
    let mut named = homepot_command();
    named.args(["ctl", "whoami", "-o", "name"]).env("XDG_CONFIG_HOME", path.join("config"));
    named.env("HOMEPOT_CONTEXT", "laptop");
    assert_eq!(run(named, "").await.lines(), ["admin"]);

    let list = at_home(path, &["contexts", "list", "-o", "json"]).await.json();
    assert_eq!(
        (&list[0]["name"], &list[0]["current"], &list[0]["token_file"]),
        (&json!("laptop"), &json!(false), &json!(file))
    );
    assert_eq!(at_home(path, &["contexts", "current-context", "-o", "name"]).await.lines(), ["nowhere"]);
    at_home(path, &["sites", "list", "--context", "lab"]).await.refused(1, &["no 'lab'", "laptop, nowhere"]);
    at_home(path, &["contexts", "use", "lab"]).await.refused(1, &["no 'lab'"]);
    at_home(path, &["contexts", "remove", "nowhere"]).await.lines();
    at_home(path, &["contexts", "current"]).await.refused(1, &["no context is current"]);
    assert_eq!(at_home(path, &["contexts", "list", "-o", "name"]).await.lines(), ["laptop"]);
    // Who could write it could send the token elsewhere.
    write(&path.join("config/homepot/contexts.json"), "{}", 0o666);
    at_home(path, &["whoami"]).await.refused(1, &["chmod 600"]);
    assert_eq!(ctl(&server, &["whoami", "-o", "name"]).await.lines(), ["admin"]);
}
