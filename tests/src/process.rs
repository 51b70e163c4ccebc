//! A process, its log, and the certainty that it ends.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::Value;
use tokio::sync::watch;

use crate::any_system::needs_a_system;

/// How long a test waits for an event before it gives up. Generous: two cores may be building something else besides.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a process wrote, a line at a time.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<Value>>,
    count: watch::Sender<usize>,
}

impl Log {
    fn read_from(
        self: Arc<Self>,
        output: impl Read + Send + 'static,
        end_of_line: u8,
        parse: fn(String) -> Value,
    ) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || {
            // Reading a terminal that nobody has open any more is an error, and the end.
            for line in BufReader::new(output).split(end_of_line).map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let mut lines = self.lines.lock();
                lines.push(parse(line));
                self.count.send_replace(lines.len());
            }
        })
    }

    /// The first line from number `start` on that `read` takes; waits for it, and `None` when none comes.
    async fn find<T>(&self, start: usize, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let mut count = self.count.subscribe();
        let search = async {
            let mut next = start;
            loop {
                count.borrow_and_update();
                {
                    let lines = self.lines.lock();
                    if let Some(found) = lines.iter().skip(next).find_map(&read) {
                        return found;
                    }
                    next = lines.len().max(next);
                }
                count.changed().await.expect("the log outlives its readers");
            }
        };
        tokio::time::timeout(PATIENCE, search).await.ok()
    }
}

fn spawn(name: &str, command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"))
}

/// A terminal: the side that sees what is drawn, and the side to draw on.
fn terminal() -> std::io::Result<(File, File)> {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&screen)?;
    unlockpt(&screen)?;
    let path = ptsname(&screen, Vec::new())?;
    let terminal = OpenOptions::new().read(true).write(true).open(OsStr::from_bytes(path.as_bytes()))?;
    Ok((screen.into(), terminal))
}

/// A child process; dropping it kills it and waits until it is gone.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    out: Arc<Log>,
    err: Arc<Log>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Process {
    /// Starts `command`, which the messages call `name`.
    pub fn start(name: &str, command: &mut Command) -> Self {
        needs_a_system();
        let mut child = spawn(name, command.stderr(Stdio::piped()));
        let said = child.stderr.take().expect("stderr is piped");
        // The log is JSON, but for the words of programs that can't even start.
        let parse = |line: String| serde_json::from_str(&line).unwrap_or(Value::String(line));
        Self::reading(name, child, |err| err.read_from(said, b'\n', parse))
    }

    /// Starts `command` with a terminal for what it says (stderr). A line of the log is what was drawn until the cursor went
    /// back to the left.
    pub fn start_on_terminal(name: &str, command: &mut Command) -> Self {
        let (screen, terminal) = terminal().unwrap_or_else(|error| panic!("no terminal for {name}: {error}"));
        let child = spawn(name, command.env("TERM", "xterm").stderr(terminal));
        // Our own handle on it, or reading would never end.
        command.stderr(Stdio::null());
        Self::reading(name, child, |err| err.read_from(screen, b'\r', Value::String))
    }

    fn reading(name: &str, mut child: Child, read_said: impl FnOnce(Arc<Log>) -> std::thread::JoinHandle<()>) -> Self {
        let (out, err) = (Arc::new(Log::default()), Arc::new(Log::default()));
        let printed = child.stdout.take().expect("stdout is piped");
        let readers = vec![out.clone().read_from(printed, b'\n', Value::String), read_said(err.clone())];
        Self { name: name.to_owned(), child, out, err, readers }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a line of the log (stderr) satisfies `read`; lines from before count too. Panics when none comes.
    pub async fn logged<T>(&self, what: &str, read: impl Fn(&Value) -> Option<T>) -> T {
        self.logged_after(0, what, read).await
    }

    /// As [`Self::logged`], for lines from number `start` on.
    pub async fn logged_after<T>(&self, start: usize, what: &str, read: impl Fn(&Value) -> Option<T>) -> T {
        match self.err.find(start, read).await {
            Some(found) => found,
            None => panic!("{} never logged {what}\n{}", self.name, self.tail()),
        }
    }

    /// Waits until it printed (to stdout) a line that contains `text`. Panics when none comes.
    pub async fn prints(&self, text: &str) {
        let found = self.out.find(0, |line| line.as_str().is_some_and(|line| line.contains(text)).then_some(())).await;
        assert!(found.is_some(), "{} never printed '{text}'\n{}", self.name, self.tail());
    }

    /// Every line of the log so far.
    pub fn log(&self) -> Vec<Value> {
        self.err.lines.lock().clone()
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        let lines = self.out.lines.lock();
        lines.iter().filter_map(Value::as_str).flat_map(|line| [line, "\n"]).collect()
    }

    /// The end of the log and of what it printed, for the message of a failure.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.iter().skip(log.len().saturating_sub(40)).map(ToString::to_string).collect();
        format!("--- log of {}\n{}\n--- printed\n{}", self.name, lines.join("\n"), self.printed())
    }

    /// Asks it to end, as a service manager does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to end, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child that was not reaped takes signals");
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&mut self) {
        // Fails only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            // A grandchild that inherited the pipe may hold it open; what it writes is no concern of ours.
            if reader.is_finished() {
                let _ = reader.join();
            }
        }
    }

    /// Waits until it ended by itself and its output is read. Panics when it does not end within `limit`.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let id = self.child.id();
        let gone = tokio::task::spawn_blocking(move || wait_gone(id, limit)).await.expect("waiting does not panic");
        assert!(gone, "{} still runs after {limit:?}\n{}", self.name, self.tail());
        let status = self.child.wait().expect("a child can be waited for");
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Captured by the test runner, and shown because the test failed.
            println!("{}", self.tail());
        }
        self.kill();
    }
}

/// Tries until `attempt` answers something, for what the outside can only ask about. Panics when it never does.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    while start.elapsed() < PATIENCE {
        pace.tick().await;
        if let Some(found) = attempt().await {
            return found;
        }
    }
    panic!("never came: {what}");
}

/// The processes of this machine that have `text` in their command line or environment.
pub fn processes_with(text: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| *id != std::process::id())
        .filter(|id| {
            let holds = |file: &str| {
                let bytes = std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains(text)
            };
            holds("cmdline") || holds("environ")
        })
        .collect()
}

/// Waits until process `id` is gone; false when it is still there after `limit`.
pub(crate) fn wait_gone(id: u32, limit: Duration) -> bool {
    let Some(pidfd) = open(id) else { return true };
    let timeout = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
    // A pidfd is readable once the process is gone.
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)).is_ok_and(|ready| ready > 0)
}

/// Kills process `id` and waits for its end; nothing when it is gone already.
pub(crate) fn kill_stranger(id: u32) {
    if let Some(pidfd) = open(id) {
        let _ = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
        wait_gone(id, PATIENCE);
    }
}

fn open(id: u32) -> Option<OwnedFd> {
    let pid = Pid::from_raw(id.cast_signed())?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}
