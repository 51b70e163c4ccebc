//! What diesel does not show of libpq: the SQLSTATE of each error, the socket of each connection, and how libpq reads an
//! address. All of it is unsafe to call, so it stands here.
#![allow(unsafe_code)]

use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::{CStr, CString, c_char, c_int, c_void},
    os::fd::BorrowedFd,
    ptr,
};

use diesel::result::DatabaseErrorInformation;
use parking_lot::Mutex;
use pq_sys::{
    ConnStatusType, ExecStatusType, PGEVT_RESULTCREATE, PGEVT_RESULTDESTROY, PGEventId, PGEventResultCreate,
    PGEventResultDestroy, PGconn, PGresult, PQconninfoFree, PQconninfoParse, PQfreemem, PQregisterEventProc,
    PQresultErrorField, PQresultErrorMessage, PQresultStatus, PQsocket, PQstatus,
};

use crate::{sqlstate::SqlState, watchdog::Watched};

// From `postgres_ext.h`.
const FIELD_CODE: c_int = b'C' as c_int;
const FIELD_MESSAGE: c_int = b'M' as c_int;

/// The codes of all errors that are alive, by the address of their message: it belongs to the result, which diesel keeps
/// within its error. An entry goes when libpq frees the result, so no address is ever found twice.
static CODES: Mutex<Option<HashMap<usize, SqlState>>> = Mutex::new(None);

thread_local! {
    /// Who watches over the connection that this thread is making.
    static CONNECTING: RefCell<Option<Watched>> = const { RefCell::new(None) };
}

/// The code of an error that diesel reports; `None` when it did not come from Postgres.
pub(crate) fn sql_state(information: &(dyn DatabaseErrorInformation + Send + Sync)) -> Option<SqlState> {
    let codes = CODES.lock();
    codes.as_ref()?.get(&information.message().as_ptr().addr()).copied()
}

/// Makes a connection under the eyes of `watched`, which has its socket before the first statement runs on it.
pub(crate) fn connecting<T>(watched: &Watched, connect: impl FnOnce() -> T) -> T {
    pq_sys::on_connect(on_connect);
    CONNECTING.set(Some(watched.clone()));
    let made = connect();
    CONNECTING.set(None);
    made
}

/// # Safety
/// `conn` is a connection that nobody else uses meanwhile.
unsafe fn on_connect(conn: *mut PGconn) {
    // SAFETY: the caller's promise.
    if unsafe { PQstatus(conn) } != ConnStatusType::CONNECTION_OK {
        return;
    }
    // SAFETY: as above. The procedure lives for ever and takes no argument of ours; libpq copies the name. It fails only
    // when there is no memory left.
    unsafe { PQregisterEventProc(conn, on_event, c"homepot".as_ptr(), ptr::null_mut()) };
    // SAFETY: as above.
    let socket = unsafe { PQsocket(conn) };
    if socket >= 0
        && let Some(watched) = CONNECTING.take()
    {
        // SAFETY: libpq keeps the socket open until the connection is closed, which nobody does meanwhile.
        watched.attach(unsafe { BorrowedFd::borrow_raw(socket) });
    }
}

unsafe extern "C" fn on_event(id: PGEventId, info: *mut c_void, _: *mut c_void) -> c_int {
    match id {
        PGEVT_RESULTCREATE => {
            // SAFETY: that is what libpq passes with this event.
            let result = unsafe { (*info.cast::<PGEventResultCreate>()).result };
            // SAFETY: the result was made just now.
            if let Some((message, code)) = unsafe { error_of(result) } {
                let mut codes = CODES.lock();
                codes.get_or_insert_default().insert(message, code);
            }
        }
        PGEVT_RESULTDESTROY => {
            // SAFETY: that is what libpq passes with this event.
            let result = unsafe { (*info.cast::<PGEventResultDestroy>()).result };
            // SAFETY: the result is whole until this returns.
            if let Some((message, _)) = unsafe { error_of(result) }
                && let Some(codes) = CODES.lock().as_mut()
            {
                codes.remove(&message);
            }
        }
        _ => {}
    }
    1
}

/// Where the message of an error lies, and its code; `None` for a result that is none, or has no code.
///
/// # Safety
/// `result` is a result that is not freed yet.
unsafe fn error_of(result: *const PGresult) -> Option<(usize, SqlState)> {
    // SAFETY: the caller's promise, also below.
    if unsafe { PQresultStatus(result) } != ExecStatusType::PGRES_FATAL_ERROR {
        return None;
    }
    // SAFETY: as above; the text belongs to the result.
    let code = unsafe { copied(PQresultErrorField(result, FIELD_CODE)) };
    // SAFETY: as above.
    let mut message = unsafe { PQresultErrorField(result, FIELD_MESSAGE) }.cast_const();
    if message.is_null() {
        // SAFETY: as above.
        message = unsafe { PQresultErrorMessage(result) };
    }
    Some((message.addr(), SqlState::parse(&code)?))
}

/// The settings that an address gives, as libpq reads it. The error is libpq's text, which may repeat what it could not
/// read: it must not be shown.
pub(crate) fn parse(address: &str) -> Result<Vec<(String, String)>, String> {
    let address = CString::new(address).map_err(|_| "it holds a zero byte".to_owned())?;
    let mut error: *mut c_char = ptr::null_mut();
    // SAFETY: `address` is a C string, and `error` a place for a pointer.
    let options = unsafe { PQconninfoParse(address.as_ptr(), &raw mut error) };
    if options.is_null() {
        // SAFETY: libpq hands over an allocation with a C string in it, or null.
        return Err(unsafe {
            let told = copied(error);
            PQfreemem(error.cast());
            told
        });
    }
    let mut given = Vec::new();
    let mut next = options;
    // SAFETY: the list ends with an entry without a keyword; all texts are C strings or null, and live until it is freed.
    unsafe {
        while !(*next).keyword.is_null() {
            if !(*next).val.is_null() {
                given.push((copied((*next).keyword), copied((*next).val)));
            }
            next = next.add(1);
        }
        PQconninfoFree(options);
    }
    Ok(given)
}

/// A copy of a C string; empty where there is none.
///
/// # Safety
/// `text` is null or a C string.
pub(crate) unsafe fn copied(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
