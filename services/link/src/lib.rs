//! homepot-link
