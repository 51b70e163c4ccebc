//! Who may: every rpc and every route, with callers that must be let in and callers that must not, against the table in
//! `docs/access.md`.

mod audit;
mod existence;
mod grpc;
mod grpc_web;
mod keys;
mod leases;
mod makers;
mod nul;
mod rest;
mod secrets;
mod table;
mod translated;
mod world;
