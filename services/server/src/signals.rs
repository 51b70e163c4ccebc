//! The signals of the server: the first that ends it asks, the second insists.

use std::io::{self, IsTerminal as _};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// Waits for signals that ask the process to end.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Whether the end of the terminal is that of the process. A service has none, and SIGHUP then means to read files anew.
    ends_with_terminal: bool,
    reload: watch::Sender<()>,
}

impl Signals {
    /// From here on these signals no longer end the process by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { ends_with_terminal: true, ..Self::of_service()? })
    }

    /// As [`Self::listen`]; without a terminal, SIGHUP asks to read files anew.
    pub(crate) fn of_service() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            ends_with_terminal: io::stdin().is_terminal(),
            reload: watch::Sender::new(()),
        })
    }

    /// Changes whenever SIGHUP asks to read files anew.
    pub(crate) fn reload(&self) -> watch::Sender<()> {
        self.reload.clone()
    }

    /// The name of the next signal that ends the process.
    pub(crate) async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.hangup.recv() => {
                    if self.ends_with_terminal {
                        return "SIGHUP";
                    }
                    tracing::info!("SIGHUP: reading files anew");
                    self.reload.send_replace(());
                }
            }
        }
    }
}

/// Tells that some child of this process has ended; several at once are told once.
pub(crate) struct Children(Signal);

impl Children {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::child())?))
    }

    pub(crate) async fn ended(&mut self) {
        self.0.recv().await;
    }
}
