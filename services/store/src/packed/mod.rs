//! Packed history: the samples of a device and an hour as one block, made of rows and read in their place.
//!
//! A block is made once its hour is closed, behind the line that rollups draw ([`crate::rollups`]): from there on every sample of the
//! hour is either committed, and in the block, or will be marked in `packing_late` by whoever writes it. A marked hour is packed anew,
//! and until then readers put block and rows together (`blocks`). So each sample is read once, wherever packing has got to.
//!
//! Rows stay in `samples` as long as they are kept, because servers of the version before read nothing else. An hour that can't be
//! packed, such as one of too many samples, has no block, and readers find its rows.

pub(crate) mod blocks;
mod pack;

pub use self::pack::{Packing, pack, pack_late};
