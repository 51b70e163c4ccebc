//! homepot-agent
