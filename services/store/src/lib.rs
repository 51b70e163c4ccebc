//! homepot-store
