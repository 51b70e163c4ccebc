//! The program `homepot-example`: the server with one more service.
//!
//! It shows what a new capability costs: its protocol file, its rules and these lines. The door, the limits, REST, the OpenAPI
//! document, reflection and the audit log know it by its contract alone.

mod notes;

use std::process::ExitCode;

use homepot_server::Extension;

use self::{notes::Notes, pb::example::v1::example_service_server::ExampleServiceServer};

/// Generated code; the checks of its requests name it so.
mod pb {
    pub(crate) mod example {
        #[allow(missing_docs, clippy::all, unreachable_pub)]
        pub(crate) mod v1 {
            tonic::include_proto!("homepot.example.v1");
        }
    }
}

/// The checks of its requests.
mod checks {
    use homepot::checked::{Checked, Checker, Form};

    include!(concat!(env!("OUT_DIR"), "/checks.rs"));
}

fn main() -> ExitCode {
    homepot_server::main_with(Extension {
        contract: homepot::contract_part!(),
        mount: |routes| {
            routes.add_service(ExampleServiceServer::new(Notes::default()));
        },
    })
}
