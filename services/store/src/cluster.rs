//! stub
#![allow(missing_docs)]
use std::path::PathBuf;
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    pub data_dir: PathBuf,
}
#[derive(Debug)]
pub struct PrivateCluster;
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("stub")]
    Stub,
}
impl PrivateCluster {
    pub fn start(_config: ClusterConfig) -> Result<Self, ClusterError> {
        Err(ClusterError::Stub)
    }
    pub fn database_url(&self) -> String {
        String::new()
    }
    pub fn stop(self) -> Result<(), ClusterError> {
        Ok(())
    }
}
