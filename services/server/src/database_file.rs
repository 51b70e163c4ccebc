//! The address of the database, which may be replaced while the server runs: the file that holds it, and the file with
//! authorities that it names.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use homepot::model::Secret;
use homepot_host::secret_file;
use homepot_runtime::reload::Files;
use homepot_store::Store;

use crate::settings::Settings;

/// Has the store follow the address.
pub(crate) struct DatabaseFile {
    address: Given,
    store: Store,
}

enum Given {
    /// In a file.
    In(PathBuf),
    /// In a variable, which stays what it is; authorities may be replaced all the same.
    As(Secret),
}

impl DatabaseFile {
    /// That of `settings`; `None` where the database is private.
    pub(crate) fn of(settings: &Settings, store: &Store) -> Option<Self> {
        let database = &settings.database;
        let address = match (&database.url_file, &database.url) {
            (Some(file), _) => Given::In(file.clone()),
            (None, Some(url)) => Given::As(url.clone()),
            (None, None) => return None,
        };
        Some(Self { address, store: store.clone() })
    }

    async fn follow(&self) -> Result<bool, String> {
        let address = match &self.address {
            Given::In(file) => secret_file::read(file).map(Secret::presented).map_err(|error| error.to_string())?,
            Given::As(address) => address.clone(),
        };
        self.store.follow(address.reveal().trim()).await.map_err(|error| error.to_string())
    }
}

impl Files for DatabaseFile {
    fn setting(&self) -> &'static str {
        match self.address {
            Given::In(_) => "database-url-file",
            Given::As(_) => "database-url",
        }
    }

    fn look(&self) -> BoxFuture<'_, Result<bool, String>> {
        Box::pin(self.follow())
    }
}
