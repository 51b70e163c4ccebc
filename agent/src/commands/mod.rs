//! Commands: what is remembered of them, when they may start, and what they do.
//!
//! [`ledger`] holds the rules without I/O, [`journal`] is the file under it, [`mark`] tells
//! whether that file has lost records, [`book`] is all of them together. [`builtin`]
//! says what each command type does here, [`program`] runs the programs that the local configuration names.

pub mod book;
pub mod builtin;
pub mod journal;
pub mod ledger;
pub mod mark;
pub mod program;
pub mod record;

pub use book::Book;
pub use builtin::{Rules, Verdict};
pub use record::{Arrival, Moment, Record};
