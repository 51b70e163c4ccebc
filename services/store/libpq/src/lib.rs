//! The bindings of libpq (the released crate `pq-sys`), with one addition: a hook gets every connection that is made
//! through them.
//!
//! diesel makes connections with `pq_sys::PQconnectdb` and shows neither the connection nor the SQLSTATE of most errors.
//! `homepot-store` needs both: the socket, to end a call that hangs, and the code, to tell a full disk from a bad value.
//! So this crate stands in for `pq-sys` (see `[patch]` in the workspace's manifest) and hands each new connection
//! to a hook. Everything else is passed on unchanged.
#![deny(missing_docs)]

use std::{
    ffi::{c_char, c_int, c_void},
    sync::OnceLock,
};

pub use libpq::*;

/// Is called with each connection that was made, on the thread that made it, before anybody uses it.
pub type ConnectHook = unsafe fn(*mut PGconn);

static HOOK: OnceLock<ConnectHook> = OnceLock::new();

/// Has `hook` called for each connection from now on. The first hook stays; later ones are ignored.
pub fn on_connect(hook: ConnectHook) {
    let _ = HOOK.set(hook);
}

/// As libpq's function, and then calls the hook.
///
/// # Safety
/// `conninfo` is a C string.
#[allow(non_snake_case)]
pub unsafe fn PQconnectdb(conninfo: *const c_char) -> *mut PGconn {
    // SAFETY: the caller's promise.
    let conn = unsafe { libpq::PQconnectdb(conninfo) };
    if let (false, Some(hook)) = (conn.is_null(), HOOK.get()) {
        // SAFETY: the connection is whole, and nobody else has it yet.
        unsafe { hook(conn) };
    }
    conn
}

/// What happened to a connection or a result; from `libpq-events.h`, which the released bindings leave out.
#[allow(non_camel_case_types)]
pub type PGEventId = c_int;
/// A result was made. The information is a [`PGEventResultCreate`].
pub const PGEVT_RESULTCREATE: PGEventId = 3;
/// A result is about to be freed. The information is a [`PGEventResultDestroy`].
pub const PGEVT_RESULTDESTROY: PGEventId = 5;

/// The information of [`PGEVT_RESULTCREATE`].
#[repr(C)]
#[derive(Debug)]
pub struct PGEventResultCreate {
    /// The connection that the result came on.
    pub conn: *mut PGconn,
    /// The result.
    pub result: *mut PGresult,
}

/// The information of [`PGEVT_RESULTDESTROY`].
#[repr(C)]
#[derive(Debug)]
pub struct PGEventResultDestroy {
    /// The result.
    pub result: *mut PGresult,
}

/// Is told of events; answers 1 for success.
pub type PGEventProc = unsafe extern "C" fn(id: PGEventId, info: *mut c_void, pass_through: *mut c_void) -> c_int;

unsafe extern "C" {
    /// Has `procedure` told of the events of `conn` and its results; answers 1 for success.
    pub fn PQregisterEventProc(
        conn: *mut PGconn,
        procedure: PGEventProc,
        name: *const c_char,
        pass_through: *mut c_void,
    ) -> c_int;
}
