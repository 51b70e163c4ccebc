//! homepot-server
