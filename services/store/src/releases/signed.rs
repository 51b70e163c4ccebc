//! Releases with their files.

use chrono::{DateTime, Utc};
use diesel::{
    pg::Pg,
    prelude::*,
    sql_types::{BigInt, Bool, Text, Uuid as SqlUuid},
};
use homepot::{
    Error, Kind,
    model::{Page, PageRequest, Release, ReleaseFile, ReleaseId, Sha256},
};
use uuid::Uuid;

use crate::{
    StoreError, paging, row,
    schema::{artifacts, release_files, releases},
    statement::Statement,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = releases)]
struct Row {
    release_id: Uuid,
    name: String,
    version: String,
    counter: i64,
    sha256: String,
    key_ids: Vec<String>,
    expires_at: DateTime<Utc>,
    created_by: String,
    created_at: DateTime<Utc>,
    mend_drift: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = release_files)]
struct FileRow {
    release_id: Uuid,
    target: String,
    sha256: String,
    size: i64,
    template: bool,
}

/// A release to keep. Its id and its time are the store's to give.
#[derive(Clone, Debug)]
pub struct NewRelease {
    /// What it says.
    pub release: Release,
    /// With its signatures.
    pub signed: Vec<u8>,
}

/// What came of keeping a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is kept.
    New(Release),
    /// It was there already.
    Existing(Release),
}

/// Keeps a release, all of whose files are there.
pub fn insert(conn: &mut PgConnection, new: &NewRelease) -> Result<Inserted, StoreError> {
    let NewRelease { release, signed } = new;
    conn.transaction(|conn| {
        check_files(conn, &release.files)?;
        let inserted = diesel::insert_into(releases::table)
            .values((
                releases::release_id.eq(release.release_id.0),
                releases::name.eq(&release.name),
                releases::version.eq(&release.version),
                releases::counter.eq(i64::try_from(release.counter).unwrap_or(i64::MAX)),
                releases::signed.eq(signed),
                releases::sha256.eq(release.sha256.as_str()),
                releases::key_ids.eq(&release.key_ids),
                releases::expires_at.eq(release.expires_at),
                releases::created_by.eq(&release.created_by),
                releases::mend_drift.eq(release.mends_drift),
            ))
            .on_conflict_do_nothing()
            .execute(conn)?;
        if inserted == 0 {
            let same = releases::table.filter(releases::sha256.eq(release.sha256.as_str()));
            let same: Option<Row> = same.select(Row::as_select()).first(conn).optional()?;
            let Some(same) = same else {
                let told = format!("another release has the name {} and the version {}", release.name, release.version);
                return Err(Error::new(Kind::AlreadyExists, told).into());
            };
            return with_files(conn, vec![same])?.pop().map(Inserted::Existing).ok_or_else(gone);
        }
        Statement::new("INSERT INTO release_files (release_id, {columns}) SELECT {release}, * FROM unnest({arrays})")
            .value::<SqlUuid, _>("release", release.release_id.0)
            .column::<Text, _>("target", release.files.iter().map(|file| file.target.as_str()))
            .column::<Text, _>("sha256", release.files.iter().map(|file| file.sha256.as_str()))
            .column::<BigInt, _>("size", release.files.iter().map(|file| i64::from(file.size)))
            .column::<Bool, _>("template", release.files.iter().map(|file| file.is_template))
            .execute(conn)?;
        find(conn, release.release_id)?.map(Inserted::New).ok_or_else(gone)
    })
}

fn gone() -> StoreError {
    diesel::result::Error::NotFound.into()
}

/// That all files are there, as large as the release says.
fn check_files(conn: &mut PgConnection, files: &[ReleaseFile]) -> Result<(), StoreError> {
    let there: Vec<(String, i64)> = artifacts::table
        .filter(artifacts::sha256.eq_any(files.iter().map(|file| file.sha256.as_str())))
        .filter(artifacts::completed_at.is_not_null())
        .select((artifacts::sha256, artifacts::size))
        // None of them goes before the release is kept.
        .for_key_share()
        .load(conn)?;
    for file in files {
        let found = there.iter().find(|(sha256, _)| sha256 == file.sha256.as_str());
        let told = match found {
            None => format!("the file for the target {} was not uploaded: {}", file.target, file.sha256),
            Some((_, size)) if *size != i64::from(file.size) => {
                format!("the file for the target {} has {size} bytes, and the release says {}", file.target, file.size)
            }
            Some(_) => continue,
        };
        return Err(Error::new(Kind::Conflict, told).into());
    }
    Ok(())
}

/// The release of that id.
pub fn find(conn: &mut PgConnection, id: ReleaseId) -> Result<Option<Release>, StoreError> {
    let row: Option<Row> = releases::table.find(id.0).select(Row::as_select()).first(conn).optional()?;
    Ok(with_files(conn, row.into_iter().collect())?.pop())
}

/// A release as it was signed, with its signatures.
pub fn signed(conn: &mut PgConnection, id: ReleaseId) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(releases::table.find(id.0).select(releases::signed).first(conn).optional()?)
}

/// The digests of a release's files, with their sizes.
pub fn artifacts_of(conn: &mut PgConnection, id: ReleaseId) -> Result<Vec<(Sha256, u32)>, StoreError> {
    let rows: Vec<(String, i64)> = release_files::table
        .filter(release_files::release_id.eq(id.0))
        .select((release_files::sha256, release_files::size))
        .load(conn)?;
    let read = |(sha256, size): (String, i64)| {
        Ok((row::checked("release_files.sha256", &sha256)?, u32::try_from(size).unwrap_or(u32::MAX)))
    };
    rows.into_iter().map(read).collect()
}

/// Releases, newest first.
pub fn list(conn: &mut PgConnection, name: Option<&str>, page: &PageRequest) -> Result<Page<Release>, StoreError> {
    let mut query = releases::table.select(Row::as_select()).into_boxed::<Pg>();
    if let Some(name) = name {
        query = query.filter(releases::name.eq(name.to_owned()));
    }
    if let Some(after) = paging::after_time_key::<Uuid>(page)? {
        let older = releases::created_at.lt(after.time);
        let as_old = releases::created_at.eq(after.time).and(releases::release_id.lt(after.name));
        query = query.filter(older.or(as_old));
    }
    let newest_first = (releases::created_at.desc(), releases::release_id.desc());
    let rows: Vec<Row> = query.order(newest_first).limit(paging::limit(page)).load(conn)?;
    let key = |release: &Release| paging::time_key(release.created_at, release.release_id);
    Ok(Page::cut(with_files(conn, rows)?, page.size, key).within_bytes(key))
}

fn with_files(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Release>, StoreError> {
    let files: Vec<FileRow> = release_files::table
        .filter(release_files::release_id.eq_any(rows.iter().map(|row| row.release_id)))
        .order((release_files::release_id, release_files::target))
        .select(FileRow::as_select())
        .load(conn)?;
    let release = |row: Row| {
        let of_it = files.iter().filter(|file| file.release_id == row.release_id);
        Ok(Release {
            release_id: ReleaseId(row.release_id),
            name: row.name,
            version: row.version,
            counter: row.counter.try_into().unwrap_or_default(),
            files: of_it.map(file).collect::<Result<_, StoreError>>()?,
            expires_at: row.expires_at,
            key_ids: row.key_ids,
            sha256: row::checked("releases.sha256", &row.sha256)?,
            created_by: row.created_by,
            created_at: row.created_at,
            mends_drift: row.mend_drift,
        })
    };
    rows.into_iter().map(release).collect()
}

fn file(row: &FileRow) -> Result<ReleaseFile, StoreError> {
    Ok(ReleaseFile {
        target: row.target.clone(),
        sha256: row::checked("release_files.sha256", &row.sha256)?,
        size: row.size.try_into().unwrap_or(u32::MAX),
        is_template: row.template,
    })
}
