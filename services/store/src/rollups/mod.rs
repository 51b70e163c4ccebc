//! Rollups: samples folded by minute, and minutes by hour, for each metric how many, the smallest, the largest, the sum and
//! the newest.
//!
//! A rollup is always computed from what it is made of, never counted on: a minute that is folded again, because a sample
//! came late or because the server died in the middle, comes out right. What makes that safe against writers is a line
//! in time, `claimed_to`. A writer shares a lock, reads the line, and marks whatever it writes below it as late
//! (`late`). Whoever rolls up takes that lock alone to move the line: from then on every sample below it is either
//! committed or will be marked. Only then are the minutes below it folded (`advance`).

pub(crate) mod advance;
mod fold;
pub(crate) mod late;

pub use advance::{claim, roll_hours, roll_minutes};
pub use late::recompute as recompute_late;
