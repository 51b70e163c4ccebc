//! A connection of libpq that listens. One of the few places where anything is unsafe.
#![allow(unsafe_code)]

use std::{
    ffi::{CString, c_char, c_void},
    os::fd::{BorrowedFd, OwnedFd},
    ptr::NonNull,
    sync::Arc,
    time::{Duration, Instant},
};

use pq_sys::{
    ConnStatusType, ExecStatusType, PGconn, PQclear, PQconnectdb, PQconsumeInput, PQerrorMessage, PQfinish, PQfreemem,
    PQgetResult, PQisBusy, PQnotifies, PQresultStatus, PQsendQuery, PQsetNoticeProcessor, PQsocket, PQstatus,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Patience;
use crate::{StoreError, address::Target, libpq};

/// Why a wait ended.
pub(super) enum Woken {
    /// One or more came.
    Messages(Vec<String>),
    /// Nobody wants more.
    Stopped,
}

enum Ready {
    Input,
    Stop,
    Neither,
}

/// Stays on the thread that opened it: the pointer makes it neither `Send` nor `Sync`.
pub(super) struct Session {
    conn: NonNull<PGconn>,
    target: Arc<Target>,
    patience: Patience,
    stop: Arc<OwnedFd>,
}

impl Session {
    /// Connects and listens. Blocks for as long as the address' `connect_timeout` at most, for each host it names.
    pub(super) fn open(
        target: Arc<Target>,
        channel: &str,
        patience: Patience,
        stop: Arc<OwnedFd>,
    ) -> Result<Self, StoreError> {
        let text =
            CString::new(target.conninfo()).map_err(|_| StoreError::Address("it holds a zero byte".to_owned()))?;
        // SAFETY: `text` is a C string that lives through the call.
        let conn = unsafe { PQconnectdb(text.as_ptr()) };
        let conn = NonNull::new(conn).ok_or_else(|| StoreError::Unavailable("out of memory".to_owned()))?;
        // From here on dropping it frees the connection, also one that failed.
        let mut session = Self { conn, target, patience, stop };
        // SAFETY: `conn` came from PQconnectdb and is freed in `drop` only; so it is in every call below.
        if unsafe { PQstatus(conn.as_ptr()) } != ConnStatusType::CONNECTION_OK {
            return Err(session.error());
        }
        // SAFETY: as above; the function lives for ever and takes no argument of ours.
        unsafe { PQsetNoticeProcessor(conn.as_ptr(), Some(ignore), std::ptr::null_mut()) };
        session.run("SET application_name = 'homepot listening'")?;
        session.ask()?;
        session.run(&format!("LISTEN \"{}\"", channel.replace('"', "\"\"")))?;
        Ok(session)
    }

    /// Waits for messages. Where none come for long, asks whether Postgres is still there.
    pub(super) fn next(&mut self) -> Result<Woken, StoreError> {
        loop {
            // Some may have come together with an answer.
            let messages = self.messages();
            if !messages.is_empty() {
                return Ok(Woken::Messages(messages));
            }
            match self.wait(self.patience.quiet)? {
                Ready::Input => self.consume()?,
                Ready::Stop => return Ok(Woken::Stopped),
                Ready::Neither => self.ask()?,
            }
        }
    }

    /// Asks whether Postgres is there and takes writes: nobody notifies on a node that does not.
    fn ask(&mut self) -> Result<(), StoreError> {
        self.run(
            "DO $$ BEGIN IF current_setting('transaction_read_only')::bool THEN \
            RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = 'this node takes no writes'; END IF; END $$",
        )
    }

    /// Runs a statement whose rows nobody wants.
    fn run(&mut self, statement: &str) -> Result<(), StoreError> {
        let deadline = Instant::now() + self.patience.answer;
        let text = CString::new(statement).map_err(|_| StoreError::Address("it holds a zero byte".to_owned()))?;
        // SAFETY: `text` is a C string that lives through the call; libpq copies it.
        if unsafe { PQsendQuery(self.conn.as_ptr(), text.as_ptr()) } == 0 {
            return Err(self.error());
        }
        loop {
            // SAFETY: see `open`.
            while unsafe { PQisBusy(self.conn.as_ptr()) } == 1 {
                match self.wait(deadline.saturating_duration_since(Instant::now()))? {
                    Ready::Input => self.consume()?,
                    Ready::Stop => return Err(StoreError::Unavailable("told to stop".to_owned())),
                    Ready::Neither => return Err(StoreError::Unavailable("postgres does not answer".to_owned())),
                }
            }
            // SAFETY: see `open`; it does not block, as the connection is not busy.
            let result = unsafe { PQgetResult(self.conn.as_ptr()) };
            if result.is_null() {
                return Ok(());
            }
            // SAFETY: `result` came from PQgetResult just now and is used no more after PQclear.
            let status = unsafe {
                let status = PQresultStatus(result);
                PQclear(result);
                status
            };
            if ![ExecStatusType::PGRES_COMMAND_OK, ExecStatusType::PGRES_TUPLES_OK].contains(&status) {
                return Err(self.error());
            }
        }
    }

    /// Reads what the socket has.
    fn consume(&mut self) -> Result<(), StoreError> {
        // SAFETY: see `open`.
        match unsafe { PQconsumeInput(self.conn.as_ptr()) } {
            1 => Ok(()),
            _ => Err(self.error()),
        }
    }

    /// What was notified and is read already.
    fn messages(&mut self) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            // SAFETY: see `open`.
            let Some(notification) = NonNull::new(unsafe { PQnotifies(self.conn.as_ptr()) }) else { return messages };
            // SAFETY: libpq hands over an allocation with a C string in it, to be freed at once by PQfreemem; the text
            // is copied before.
            messages.push(unsafe {
                let message = libpq::copied(notification.as_ref().extra);
                PQfreemem(notification.as_ptr().cast());
                message
            });
        }
    }

    fn wait(&self, patience: Duration) -> Result<Ready, StoreError> {
        // SAFETY: see `open`.
        let socket = unsafe { PQsocket(self.conn.as_ptr()) };
        if socket < 0 {
            return Err(StoreError::Unavailable("the connection is closed".to_owned()));
        }
        // SAFETY: libpq closes the socket in PQfinish or in one of its calls, and none is made while this is borrowed.
        let socket = unsafe { BorrowedFd::borrow_raw(socket) };
        let timeout = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let mut both = [PollFd::new(&socket, PollFlags::IN), PollFd::from_borrowed_fd(fd(&self.stop), PollFlags::IN)];
        match poll(&mut both, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok(Ready::Input),
            Err(error) => return Err(StoreError::Unavailable(format!("waiting for postgres: {error}"))),
            Ok(_) => {}
        }
        let [socket, stop] = both.map(|polled| !polled.revents().is_empty());
        Ok(match (stop, socket) {
            (true, _) => Ready::Stop,
            (_, true) => Ready::Input,
            _ => Ready::Neither,
        })
    }

    /// What libpq says went wrong, without the password.
    fn error(&self) -> StoreError {
        // SAFETY: see `open`; the text belongs to the connection and is copied before anything else is called.
        let message = unsafe { libpq::copied(PQerrorMessage(self.conn.as_ptr())) };
        StoreError::Unavailable(self.target.redact(&message))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the one place that frees it, once.
        unsafe { PQfinish(self.conn.as_ptr()) };
    }
}

fn fd(owned: &Arc<OwnedFd>) -> BorrowedFd<'_> {
    use std::os::fd::AsFd as _;
    owned.as_fd()
}

/// libpq would write to stderr, between the lines of the log, what its errors tell as well.
extern "C" fn ignore(_: *mut c_void, _: *const c_char) {}
