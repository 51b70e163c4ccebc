//! What most tests begin with.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use homepot::model::{
    CommandId, CommandType, DeviceId, DeviceSource, Enrollment, Hello, NewCommand, NewSite, PageRequest, SiteId,
    SiteScope,
};
use homepot_store::{
    PgConnection, Store, StoreError,
    commands::{self, Inserted, NewRow},
    device_keys::{self, Credential},
    devices::{self, DeviceRef, Enrolled, NewDevice},
    enrollment_tokens::{self, NewEnrollmentToken},
    runs,
    secrets::NewSecret,
    sessions::{self, Begun, Stream},
    sites,
    test_support::TestDatabase,
};
use uuid::Uuid;

pub(crate) fn site_id(text: &str) -> SiteId {
    SiteId::parse(text).unwrap()
}

pub(crate) fn device_id(text: &str) -> DeviceId {
    DeviceId::parse(text).unwrap()
}

/// The device with its live key of that id.
pub(crate) fn credential(conn: &mut PgConnection, device: &str, key_id: &str) -> Option<Credential> {
    device_keys::find(conn, &[(device_id(device), key_id.to_owned())]).unwrap().pop().unwrap()
}

pub(crate) fn page(size: u32, after: Option<String>) -> PageRequest {
    PageRequest { size, after }
}

pub(crate) fn new_site(id: &str) -> NewSite {
    let name = format!("Site {id}");
    NewSite { site_id: site_id(id), name, description: None, location: None, open_enrollment: false }
}

pub(crate) fn new_secret(public_id: &str, hash: &str) -> NewSecret {
    NewSecret { public_id: public_id.to_owned(), hash: hash.to_owned(), check_tag: [7; 8] }
}

pub(crate) fn new_device(id: &str, site: &str) -> NewDevice {
    NewDevice {
        enrollment: Enrollment {
            site_id: site_id(site),
            device_id: device_id(id),
            name: id.to_owned(),
            device_type: Default::default(),
            ip_address: None,
            mac_address: None,
            firmware_version: None,
            config: None,
            source: None,
            claim: None,
            proof_key: None,
        },
        source: DeviceSource::Real,
        key: new_secret("hpd_AAAAAAAA", "hash"),
        token_id: None,
        claim_hash: None,
        labels: Default::default(),
    }
}

pub(crate) fn new_token(token_id: &str, site: &str, max_uses: i32) -> NewEnrollmentToken {
    NewEnrollmentToken {
        token: new_secret(token_id, "hash"),
        site_id: site_id(site),
        source: DeviceSource::Real,
        max_uses,
        expires_at: chrono::Utc::now() + chrono::TimeDelta::hours(1),
        created_by: "admin".to_owned(),
        labels: Default::default(),
    }
}

pub(crate) fn uses_left(conn: &mut PgConnection, token_id: &str) -> i32 {
    enrollment_tokens::find(conn, token_id).unwrap().unwrap().token.uses_left
}

pub(crate) fn hello(boot_id: &str) -> Hello {
    Hello {
        agent_version: "1.0.0".to_owned(),
        boot_id: boot_id.to_owned(),
        capabilities: vec![CommandType::parse("PING").unwrap()],
        source: None,
        device_time: None,
        journal_id: None,
        takes_releases: false,
        since_boot: None,
    }
}

/// A stream that was opened so long ago and is open.
pub(crate) fn stream(age: Duration) -> Stream<'static> {
    Stream { opened: Instant::now() - age, is_open: &|| true }
}

/// Begins a session on a new stream, and tells its epoch.
pub(crate) fn begin(conn: &mut PgConnection, pk: i64, hello: &Hello) -> Result<i64, StoreError> {
    match sessions::begin(conn, pk, hello, "r", HEARTBEAT, &stream(Duration::ZERO))? {
        Begun::Epoch(epoch) => Ok(epoch),
        other => panic!("{other:?}"),
    }
}

pub(crate) const HEARTBEAT: Duration = Duration::from_secs(10);

pub(crate) fn new_command(device: &str, command_type: &str) -> NewCommand {
    NewCommand {
        device_id: device_id(device),
        command_type: CommandType::parse(command_type).unwrap(),
        payload: None,
        idempotency_key: None,
        time_to_live: Duration::from_secs(600),
        run_timeout: Duration::from_secs(60),
    }
}

pub(crate) fn row(pk: i64, command: NewCommand) -> NewRow {
    NewRow {
        command_id: command_id(),
        pk,
        site_id: SiteId::parse("site-1").unwrap(),
        source: DeviceSource::Real,
        command,
        created_by: "admin".to_owned(),
        run_id: None,
        trace: None,
        epoch: None,
    }
}

pub(crate) fn queue_this(conn: &mut PgConnection, pk: i64, command: NewCommand) -> CommandId {
    let row = row(pk, command);
    let id = row.command_id;
    assert!(matches!(commands::insert(conn, &[row]).unwrap()[..], [Inserted::New(_)]));
    id
}

pub(crate) fn command_id() -> CommandId {
    CommandId(Uuid::now_v7())
}

/// Makes the site if it is missing and enrols the device.
pub(crate) fn enrolled(conn: &mut PgConnection, id: &str, site: &str) -> DeviceRef {
    sites::insert(conn, &new_site(site)).unwrap();
    let answer = devices::enroll(conn, &new_device(id, site)).unwrap();
    assert!(matches!(answer, Enrolled::Device(_)), "{answer:?}");
    devices::find_ref(conn, &device_id(id)).unwrap().unwrap()
}

/// As [`enrolled`], a simulated one.
pub(crate) fn enrolled_simulated(conn: &mut PgConnection, id: &str, site: &str) -> DeviceRef {
    sites::insert(conn, &new_site(site)).unwrap();
    let device = devices::NewDevice { source: DeviceSource::Simulated, ..new_device(id, site) };
    assert!(matches!(devices::enroll(conn, &device).unwrap(), Enrolled::Device(_)));
    devices::find_ref(conn, &device_id(id)).unwrap().unwrap()
}

/// A database with one device at `site-1`.
pub(crate) async fn with_device(id: &str) -> (TestDatabase, DeviceRef) {
    let database = TestDatabase::new().await;
    let device = enrolled(&mut database.connect(), id, "site-1");
    (database, device)
}

/// Runs the same operation several times at once and tells what each came to.
pub(crate) async fn at_once<T, F>(store: &Store, times: usize, work: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
{
    let running: Vec<_> = (0..times)
        .map(|number| {
            let (store, work) = (store.clone(), work(number));
            tokio::spawn(async move { store.run("test", work).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in running {
        outcomes.push(task.await.unwrap().unwrap());
    }
    outcomes
}

/// Walks a list page by page.
pub(crate) fn all_pages<T>(size: u32, mut list: impl FnMut(&PageRequest) -> homepot::model::Page<T>) -> Vec<T> {
    let mut items = Vec::new();
    let mut request = page(size, None);
    loop {
        let page = list(&request);
        assert!(page.items.len() <= size as usize);
        items.extend(page.items);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return items,
        }
    }
}

/// Lets time pass for the session of a device and its history: all times move back.
pub(crate) fn pass(conn: &mut PgConnection, pk: i64, seconds: i64) {
    let times = [
        "last_seen_at",
        "attached_at",
        "status_since",
        "flap_penalty_at",
        "flapping_since",
        "flapping_until",
        "takeover_penalty_at",
        "contested_since",
        "contested_until",
        "changed_at",
    ];
    let back = times.map(|time| format!("{time} = {time} - interval '{seconds} seconds'")).join(", ");
    conn.batch_execute(&format!("UPDATE sessions SET {back} WHERE device = {pk}")).unwrap();
    // There is no partition for what lies further back.
    let seconds = seconds.min(7 * 24 * 3600);
    let history = format!("UPDATE device_states SET at = at - interval '{seconds} seconds' WHERE device = {pk}");
    conn.batch_execute(&history).unwrap();
}

/// Who starts runs, everywhere.
pub(crate) fn starter(name: &str) -> runs::Starter {
    runs::Starter { name: name.to_owned(), scope: SiteScope::All, expected_devices: None }
}
