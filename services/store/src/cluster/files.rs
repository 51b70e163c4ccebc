//! Files in directories that the user of Postgres owns. Everything here runs by [`Account::act`](super::account::Account::act).
//!
//! A name there may be a link, a pipe or a device that somebody put in the place of what we wrote. No link at the end of a
//! path is followed, and nothing but a plain file is read, for no longer than it should be.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::fs::OFlags;

/// More than any file of Postgres that we read, which are of a few lines.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads the text of a plain file; `None` where it is not there.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match plain(OpenOptions::new().read(true), path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    text(file.take(MAX_BYTES)).map(Some)
}

/// Reads the end of a plain file.
pub(super) fn read_end(path: &Path) -> io::Result<String> {
    use std::io::Seek as _;
    let mut file = plain(OpenOptions::new().read(true), path)?;
    let size = file.metadata()?.len();
    file.seek(io::SeekFrom::Start(size.saturating_sub(MAX_BYTES)))?;
    text(file.take(MAX_BYTES))
}

/// Puts `contents` in the place of whatever goes by that name, as a whole.
pub(super) fn replace(path: &Path, contents: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    remove(&new)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(contents.as_bytes())?;
    fs::rename(&new, path)
}

/// Opens a log to write at its end. One larger than `max_bytes` is put aside as `aside`; what is no plain file goes.
pub(super) fn open_log(path: &Path, aside: &Path, max_bytes: u64) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => remove(path)?,
        Ok(meta) if meta.len() > max_bytes => fs::rename(path, aside)?,
        _ => {}
    }
    plain(OpenOptions::new().create(true).append(true).mode(0o600), path)
}

/// Removes a file, or a link and not what it leads to, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a directory with all in it, and no more than the link where it is one.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}

/// Makes a directory that nobody else may enter, or closes the one that is there. Tells whose it is where it is not
/// `owner`'s, or no directory at all.
pub(super) fn make_private_dir(path: &Path, owner: u32) -> io::Result<Result<(), u32>> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    close(path, owner)
}

/// Takes everybody else's rights to a directory away. Tells whose it is as [`make_private_dir`] does.
pub(super) fn close(path: &Path, owner: u32) -> io::Result<Result<(), u32>> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() || meta.uid() != owner {
        return Ok(Err(meta.uid()));
    }
    if meta.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(Ok(()))
}

fn plain(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // Without waiting: the other end of a pipe may never come.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).map_err(io::Error::other)?;
    let file = options.custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a plain file")) }
}

fn text(mut reader: impl io::Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_is_replaced_or_refused_and_never_written_through() {
        let directory = tempfile::tempdir().unwrap();
        let (secret, link) = (directory.path().join("secret"), directory.path().join("link.conf"));
        fs::write(&secret, "kept").unwrap();
        let relink = || {
            remove(&link).unwrap();
            symlink(&secret, &link).unwrap();
        };
        relink();
        assert!(read(&link).is_err() && read_end(&link).is_err());
        writeln!(open_log(&link, &directory.path().join("aside"), 10).unwrap(), "log").unwrap();
        assert_eq!(read(&link).unwrap().as_deref(), Some("log\n"));
        relink();
        symlink(&secret, link.with_extension("new")).unwrap();
        replace(&link, "new").unwrap();
        assert_eq!(read(&link).unwrap().as_deref(), Some("new"));
        relink();
        remove_tree(&link).unwrap();
        assert_eq!(fs::read_to_string(&secret).unwrap(), "kept");
    }

    #[test]
    fn a_pipe_or_a_device_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(read(&pipe).is_err() && read_end(Path::new("/dev/zero")).is_err());
        open_log(&pipe, &directory.path().join("aside"), 10).unwrap();
        assert_eq!(read(&directory.path().join("missing")).unwrap(), None);
    }

    #[test]
    fn a_directory_that_is_a_link_or_anothers_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let (made, link) = (directory.path().join("made"), directory.path().join("link"));
        assert_eq!(make_private_dir(&made, uid).unwrap(), Ok(()));
        fs::set_permissions(&made, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(make_private_dir(&made, uid).unwrap(), Ok(()));
        assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
        symlink(&made, &link).unwrap();
        assert_eq!(make_private_dir(&link, uid).unwrap(), Err(uid));
        assert_eq!(make_private_dir(&made, uid + 1).unwrap(), Err(uid));
    }
}
