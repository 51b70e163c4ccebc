//! A TCP proxy that breaks what passes through it.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{broadcast, watch},
    task::JoinHandle,
};

/// Where it leads to.
#[derive(Clone, Debug)]
pub(crate) enum Upstream {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What goes on; ends with the value.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    cut: broadcast::Sender<()>,
    /// Half of this passes, and nothing after it.
    cut_inside: watch::Sender<Option<&'static str>>,
    /// Connections up to this number are mute.
    muted: watch::Sender<usize>,
    accepted: AtomicUsize,
}

impl Proxy {
    pub(crate) async fn to(upstream: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            cut: broadcast::Sender::new(1),
            cut_inside: watch::Sender::new(None),
            muted: watch::Sender::new(0),
            accepted: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let number = shared.accepted.fetch_add(1, Ordering::SeqCst) + 1;
                    let (shared, upstream, cut) = (shared.clone(), upstream.clone(), shared.cut.subscribe());
                    tokio::spawn(async move { shared.connection(number, client, upstream, cut).await });
                }
            }
        });
        Self { address, shared, accepting }
    }

    /// Cuts every connection of now.
    pub(crate) fn cut(&self) {
        let _ = self.shared.cut.send(());
    }

    /// Cuts a connection in the middle of `text` when that comes from the server, once.
    pub(crate) fn cut_inside(&self, text: &'static str) {
        self.shared.cut_inside.send_replace(Some(text));
    }

    /// Waits until that has happened.
    pub(crate) async fn was_cut(&self) {
        self.shared.cut_inside.subscribe().wait_for(Option::is_none).await.unwrap();
    }

    /// On every connection of now nothing passes any more, and none is closed.
    pub(crate) fn mute(&self) {
        self.shared.muted.send_replace(self.shared.accepted.load(Ordering::SeqCst));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Shared {
    async fn connection(&self, number: usize, client: TcpStream, upstream: Upstream, mut cut: broadcast::Receiver<()>) {
        let passing = async {
            match upstream {
                Upstream::Tcp(address) => self.pass(number, client, TcpStream::connect(address).await?).await,
                Upstream::Unix(path) => self.pass(number, client, UnixStream::connect(path).await?).await,
            }
        };
        tokio::select! {
            _ = cut.recv() => {}
            _ = passing => {}
        }
    }

    async fn pass(
        &self,
        number: usize,
        client: TcpStream,
        server: impl AsyncRead + AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let up = async {
            let mut buffer = vec![0; 4096];
            loop {
                match self.read(number, &mut from_client, &mut buffer).await? {
                    0 => return Ok(()),
                    count => to_server.write_all(&buffer[..count]).await?,
                }
            }
        };
        let down = async {
            let mut buffer = vec![0; 4096];
            loop {
                let count = self.read(number, &mut from_server, &mut buffer).await?;
                if count == 0 {
                    return Ok(());
                }
                // What a server writes at once comes at once.
                let middle = self.cut_inside.borrow().and_then(|text| middle_of(text, &buffer[..count]));
                to_client.write_all(&buffer[..middle.unwrap_or(count)]).await?;
                if middle.is_some() {
                    self.cut_inside.send_replace(None);
                    return to_client.flush().await;
                }
            }
        };
        tokio::select! {
            ended = up => ended,
            ended = down => ended,
        }
    }

    /// Reads, unless the connection is mute: then never again.
    async fn read(&self, number: usize, from: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> io::Result<usize> {
        let mut muted = self.muted.subscribe();
        let falls_silent = async {
            let _ = muted.wait_for(|muted| number <= *muted).await;
        };
        tokio::select! {
            biased;
            () = falls_silent => std::future::pending().await,
            count = from.read(buffer) => count,
        }
    }
}

fn middle_of(text: &str, bytes: &[u8]) -> Option<usize> {
    let start = bytes.windows(text.len()).position(|window| window == text.as_bytes())?;
    Some(start + text.len() / 2)
}
