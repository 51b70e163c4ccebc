//! homepot-runtime
