//! Services of another crate, served beside HOMEPOT's own.

use homepot::contract::Part;
use tonic::service::RoutesBuilder;

/// What a program adds to the server. Everything else follows from the contract: who may call a method, what it costs, its
/// path over REST, its place in the OpenAPI document and in reflection, and its line in the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Extension {
    /// What its protocol files say: `homepot::contract_part!()`.
    pub contract: Part,
    /// Adds its services to those that gRPC serves.
    pub mount: fn(&mut RoutesBuilder),
}
