//! Devices: put into the database, attached, and at work.

mod device;
mod load;
mod samples;
mod seed;
mod wire;

pub use self::{
    device::{Device, attach_all},
    load::{Load, Outcome, Pace, drive},
    samples::Mill,
    seed::{DeviceKey, SITE, seed},
    wire::connect,
};
