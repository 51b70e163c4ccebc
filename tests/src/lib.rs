//! homepot-tests
