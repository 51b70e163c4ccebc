//! homepot-command
