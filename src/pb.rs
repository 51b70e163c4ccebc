//! Code generated from `proto/`; the comments there are its documentation.
//!
//! Generated types stop at the edge of a service: convert them with the `TryFrom` and `From` of [`crate::model`].

/// What a device may call.
pub mod device {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.device.v1");
    }
}

/// Sites, devices, operators and their secrets.
pub mod registry {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.registry.v1");
    }
}

/// Measurements.
pub mod telemetry {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.telemetry.v1");
    }
}

/// The command ledger.
pub mod command {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.command.v1");
    }
}

/// What people and applications do.
pub mod analytics {
    #[allow(missing_docs, clippy::all, rustdoc::all, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("homepot.analytics.v1");
    }
}

/// The encoded descriptor set of all of it, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/homepot.bin"));
