//! What programs take from the machine they run on: variables, addresses, files and disks.

mod addresses;
mod disk;
mod environment;
mod units;
