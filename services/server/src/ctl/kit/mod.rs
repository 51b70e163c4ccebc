//! Building blocks for all nouns of the shell. A file here may use others of the kit, without circles, and no noun.

pub(crate) mod args;
pub(crate) mod ask;
pub(crate) mod calls;
pub(crate) mod connection;
pub(crate) mod context;
pub(crate) mod csv;
pub(crate) mod fields;
pub(crate) mod fleet;
pub(crate) mod labels;
pub(crate) mod order;
pub(crate) mod out;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod removal;
pub(crate) mod source;
pub(crate) mod states;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod target;
pub(crate) mod words;
