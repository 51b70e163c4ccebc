//! homepot-gateway
