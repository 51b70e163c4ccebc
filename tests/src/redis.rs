//! A real Redis, or Valkey, of a test's own.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    process::Command,
    sync::atomic::{AtomicU8, Ordering},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::Process;

const PORT: u16 = 6379;

/// A running server without persistence; dropping it kills it.
#[derive(Debug)]
pub struct RedisServer {
    process: Option<Process>,
    address: IpAddr,
    arguments: Vec<String>,
    directory: TempDir,
}

impl RedisServer {
    /// Starts one and waits until it takes connections.
    pub async fn start() -> Self {
        Self::start_with(|_, _| Vec::new()).await
    }

    /// Starts one with further arguments, which may depend on its address and its directory.
    pub async fn start_with(arguments: impl FnOnce(IpAddr, &Path) -> Vec<String>) -> Self {
        let directory = tempfile::Builder::new().prefix("homepot-redis-").tempdir().expect("a directory can be made");
        let address = own_address();
        let arguments = arguments(address, directory.path());
        let mut server = Self { process: None, address, arguments, directory };
        server.restart().await;
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (self.address, PORT).into()
    }

    /// Its address, without TLS and password.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Kills it, as a crash would.
    pub fn kill9(&mut self) {
        self.process = None;
    }

    /// Starts it again after it went down, at the same address.
    pub async fn restart(&mut self) {
        let mut command = Command::new(program());
        command
            .args(["--bind", &self.address.to_string(), "--port", &PORT.to_string(), "--protected-mode", "no"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"])
            .arg(self.directory.path())
            .args(&self.arguments);
        let process = Process::start("redis-server", &mut command);
        process.prints("Ready to accept connections").await;
        self.process = Some(process);
    }

    /// Sends it a command on a connection of its own; answers the reply as text.
    pub async fn command<T: AsRef<[u8]>>(&self, words: &[T]) -> String {
        let mut stream = BufReader::new(TcpStream::connect(self.address()).await.expect("redis takes connections"));
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            let word = word.as_ref();
            request.extend(format!("${}\r\n", word.len()).bytes());
            request.extend(word);
            request.extend(b"\r\n");
        }
        stream.write_all(&request).await.expect("redis reads");
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("redis answers");
        let Some(length) = line.strip_prefix('$').and_then(|length| length.trim().parse().ok()) else {
            return line.trim().to_owned();
        };
        let mut text = vec![0; length];
        stream.read_exact(&mut text).await.expect("redis answers");
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// A loopback address that no other server of this machine has: a port alone could be taken while a server is down.
pub(crate) fn own_address() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let [.., high, low] = std::process::id().to_be_bytes();
    IpAddr::from([127, 100 + NEXT.fetch_add(1, Ordering::Relaxed) % 150, high, low])
}

pub(crate) fn program() -> &'static str {
    let places: Vec<_> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let found =
        ["redis-server", "valkey-server"].into_iter().find(|name| places.iter().any(|p| p.join(name).is_file()));
    found.expect("redis-server or valkey-server is installed; `make test` installs it")
}
