//! A real nginx of a test's own, that passes everything on as plainly as it can be told to.

use std::{net::SocketAddr, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{Process, eventually, redis::own_address};

const PORT: u16 = 8080;

/// A running proxy; dropping it kills it.
#[derive(Debug)]
pub struct Nginx {
    _process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl Nginx {
    /// Starts one in front of `upstream` with nothing but `proxy_pass`, and waits until it takes connections.
    pub async fn start(upstream: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("homepot-nginx-").tempdir().expect("a directory can be made");
        let address = SocketAddr::new(own_address(), PORT);
        let path = directory.path();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", path.display()))
            .collect();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {}/pid;\nerror_log stderr;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}server {{\nlisten {address};\n\
             location / {{ proxy_pass http://{upstream}; }}\n}}\n}}\n",
            path.display()
        );
        let file = path.join("nginx.conf");
        std::fs::write(&file, configuration).expect("the configuration can be written");
        let mut command = Command::new(program());
        command.arg("-p").arg(path).arg("-c").arg(&file).args(["-e", "stderr"]);
        let process = Process::start("nginx", &mut command);
        eventually("nginx to take connections", async || tokio::net::TcpStream::connect(address).await.ok()).await;
        Self { _process: process, address, _directory: directory }
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

/// Debian keeps it off the PATH of those who are not root.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = places.map(|place| place.join("nginx")).find(|file| file.is_file());
    found.expect("nginx is installed; `make test` installs it")
}
