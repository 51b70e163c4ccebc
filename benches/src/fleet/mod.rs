//! Devices: put into the database, attached, and at work.

mod agent;
mod device;
mod load;
mod operator;
mod samples;
mod seed;
mod wire;

pub use self::{
    agent::{Agents, Habits, News, What},
    device::{Device, attach_all},
    load::{Load, Outcome, Pace, drive},
    operator::Operator,
    samples::{Mill, mix},
    seed::{DeviceKey, SITE, make_dear, seed, seed_alike, seed_fleet},
    wire::connect,
};
