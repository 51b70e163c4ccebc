//! Who may: every rpc and every route, with callers that must be let in and callers that must not, against the table in
//! `docs/access.md`.

mod grpc;
mod keys;
mod rest;
mod table;
mod world;
