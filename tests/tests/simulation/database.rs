//! Where it happens: a database, and a device in it.

use std::sync::OnceLock;

use homepot::model::{DeviceId, DeviceSource, DeviceType, Enrollment, NewSite, SiteId};
use homepot_store::{
    PgConnection,
    devices::{self, Enrolled, NewDevice},
    secrets::NewSecret,
    sites,
    test_support::TestDatabase,
};

/// One database for all cases; each has a device of its own.
pub(crate) fn database() -> &'static TestDatabase {
    static DATABASE: OnceLock<TestDatabase> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let database = runtime.block_on(TestDatabase::new());
        // The database's own tasks live as long as the process.
        std::mem::forget(runtime);
        let site = NewSite {
            site_id: SiteId::parse("site").unwrap(),
            name: "Site".to_owned(),
            description: None,
            location: None,
            open_enrollment: false,
        };
        sites::insert(&mut database.connect(), &site).unwrap();
        database
    })
}

pub(crate) fn enrol(conn: &mut PgConnection, name: &str) {
    let enrollment = Enrollment {
        site_id: SiteId::parse("site").unwrap(),
        device_id: DeviceId::parse(name).unwrap(),
        name: name.to_owned(),
        device_type: DeviceType::default(),
        ip_address: None,
        mac_address: None,
        firmware_version: None,
        config: None,
        source: Some(DeviceSource::Real),
        claim: None,
        proof_key: None,
    };
    let new = NewDevice {
        enrollment,
        source: DeviceSource::Real,
        key: NewSecret { public_id: "k".to_owned(), hash: "h".to_owned(), check_tag: [0; 8] },
        token_id: None,
        claim_hash: None,
        labels: Default::default(),
    };
    assert!(matches!(devices::enroll(conn, &new).unwrap(), Enrolled::Device(_)));
}
