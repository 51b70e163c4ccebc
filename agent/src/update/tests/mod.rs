//! The updater over a disk that forgets and programs that answer as a test wants.

mod cuts;
mod faults;
mod killed;
mod own;
mod property;
mod real;
mod scars;
mod world;
