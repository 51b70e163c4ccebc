//! homepot-registry
