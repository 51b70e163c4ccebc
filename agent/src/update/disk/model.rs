//! A disk for tests. It keeps apart what programs see and what survives a power cut, loses or reorders what was not synced, and
//! refuses or stops at any operation that a test chooses.

use std::{cell::RefCell, collections::BTreeMap, io, path::PathBuf, rc::Rc};

use rustix::io::Errno;

use super::{Attributes, Dir, Disk, Stat};

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::update) enum Fault {
    /// The power goes before operation `0..`: nothing works any more.
    Crash(usize),
    /// This one operation fails.
    Once(usize, Errno),
    /// All operations that this error is of fail from here on.
    From(usize, Errno),
    /// This operation fails with EIO, and from then on the disk is full.
    ThenFull(usize),
}

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::update) enum Loss {
    /// All of it: only the program was killed.
    Nothing,
    /// None of it.
    Everything,
    /// Names, and the lengths of files, whose bytes are zero.
    Bytes,
    /// The bytes, and no names.
    Names,
    /// The bytes, and of the names in each directory only the last change: it came to disk before the others.
    Reordered,
    /// Some of it, by this seed.
    Some(u64),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    seen: Vec<u8>,
    kept: Vec<u8>,
    mode: u32,
    changed: i128,
}

type Names = BTreeMap<String, usize>;

#[derive(Clone, Debug, Default)]
struct Directory {
    seen: Names,
    kept: Names,
    /// Changes that were not synced, each as a whole.
    pending: Vec<Vec<(String, Option<usize>)>>,
}

#[derive(Clone, Debug, Default)]
struct Inside {
    inodes: Vec<Inode>,
    directories: BTreeMap<Dir, Directory>,
    operations: usize,
    fault: Option<Fault>,
    free: Option<u64>,
}

/// A handle; clones share the disk.
#[derive(Clone, Debug, Default)]
pub(in crate::update) struct ModelDisk(Rc<RefCell<Inside>>);

#[derive(Debug)]
pub(in crate::update) struct ModelFile {
    inode: usize,
    at: usize,
}

/// Which errors an operation can have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Read,
    Room,
    Change,
}

impl ModelDisk {
    pub(in crate::update) fn set_fault(&self, fault: Option<Fault>) {
        self.0.borrow_mut().fault = fault;
    }

    pub(in crate::update) fn set_free(&self, free: u64) {
        self.0.borrow_mut().free = Some(free);
    }

    pub(in crate::update) fn operations(&self) -> usize {
        self.0.borrow().operations
    }

    /// Puts a file there that is on the disk already.
    pub(in crate::update) fn put(&self, dir: &Dir, name: &str, bytes: &[u8]) {
        let mut inside = self.0.borrow_mut();
        inside.operations += 1;
        let changed = inside.operations as i128;
        let inode = inside.inodes.len();
        inside.inodes.push(Inode { seen: bytes.to_vec(), kept: bytes.to_vec(), mode: 0o644, changed });
        let directory = inside.directories.entry(dir.clone()).or_default();
        directory.seen.insert(name.to_owned(), inode);
        directory.kept.insert(name.to_owned(), inode);
    }

    /// What a program would read there.
    pub(in crate::update) fn get(&self, dir: &Dir, name: &str) -> Option<Vec<u8>> {
        let inside = self.0.borrow();
        let inode = *inside.directories.get(dir)?.seen.get(name)?;
        Some(inside.inodes[inode].seen.clone())
    }

    pub(in crate::update) fn names(&self, dir: &Dir) -> Vec<String> {
        self.0.borrow().directories.get(dir).map(|dir| dir.seen.keys().cloned().collect()).unwrap_or_default()
    }

    pub(in crate::update) fn mode(&self, dir: &Dir, name: &str) -> u32 {
        let inside = self.0.borrow();
        inside.inodes[inside.directories[dir].seen[name]].mode
    }

    /// The disk after a power cut.
    pub(in crate::update) fn after(&self, loss: Loss) -> Self {
        let mut inside = self.0.borrow().clone();
        let mut seed = match loss {
            Loss::Some(seed) => seed,
            _ => 0,
        };
        let mut coin = move || {
            // splitmix64: it only has to differ from seed to seed.
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)).is_multiple_of(2)
        };
        for inode in &mut inside.inodes {
            let zeroed = |inode: &Inode| {
                let mut bytes = inode.kept.clone();
                bytes.resize(inode.seen.len(), 0);
                bytes
            };
            match loss {
                Loss::Nothing | Loss::Names | Loss::Reordered => inode.kept = inode.seen.clone(),
                Loss::Everything => {}
                Loss::Bytes => inode.kept = zeroed(inode),
                Loss::Some(_) if inode.kept == inode.seen => {}
                Loss::Some(_) => match (coin(), coin()) {
                    (true, true) => inode.kept = inode.seen.clone(),
                    (true, false) => inode.kept = zeroed(inode),
                    (false, true) => {
                        let half = inode.kept.len().midpoint(inode.seen.len()).min(inode.seen.len());
                        inode.kept = inode.seen[..half].to_vec();
                    }
                    (false, false) => {}
                },
            }
            inode.seen = inode.kept.clone();
        }
        for directory in inside.directories.values_mut() {
            let pending = std::mem::take(&mut directory.pending);
            let count = pending.len();
            for (at, change) in pending.into_iter().enumerate() {
                let survives = match loss {
                    Loss::Nothing | Loss::Bytes => true,
                    Loss::Everything | Loss::Names => false,
                    Loss::Reordered => at + 1 == count,
                    Loss::Some(_) => coin(),
                };
                if survives {
                    change.into_iter().for_each(|(name, inode)| set(&mut directory.kept, name, inode));
                }
            }
            directory.seen = directory.kept.clone();
        }
        inside.fault = None;
        inside.operations = 0;
        Self(Rc::new(RefCell::new(inside)))
    }

    fn begin(&self, class: Class) -> io::Result<std::cell::RefMut<'_, Inside>> {
        let mut inside = self.0.borrow_mut();
        let operation = inside.operations;
        inside.operations += 1;
        let fits = |errno: Errno| match errno {
            Errno::NOSPC => class == Class::Room,
            Errno::ROFS => class != Class::Read,
            _ => true,
        };
        match inside.fault {
            Some(Fault::Crash(at)) if operation >= at => Err(io::Error::other("the power is gone")),
            Some(Fault::Once(at, errno)) if operation == at && fits(errno) => Err(errno.into()),
            Some(Fault::From(at, errno)) if operation >= at && fits(errno) => Err(errno.into()),
            Some(Fault::ThenFull(at)) if operation == at => Err(Errno::IO.into()),
            Some(Fault::ThenFull(at)) if operation > at && fits(Errno::NOSPC) => Err(Errno::NOSPC.into()),
            _ => Ok(inside),
        }
    }
}

fn set(names: &mut Names, name: String, inode: Option<usize>) {
    match inode {
        Some(inode) => drop(names.insert(name, inode)),
        None => drop(names.remove(&name)),
    }
}

impl Inside {
    fn change(&mut self, dir: &Dir, change: Vec<(String, Option<usize>)>) {
        let directory = self.directories.entry(dir.clone()).or_default();
        change.iter().for_each(|(name, inode)| set(&mut directory.seen, name.clone(), *inode));
        directory.pending.push(change);
    }

    fn find(&self, dir: &Dir, name: &str) -> Option<usize> {
        self.directories.get(dir)?.seen.get(name).copied()
    }

    fn touch(&mut self, inode: usize) {
        self.inodes[inode].changed = self.operations as i128;
    }

    fn stat(&self, number: usize) -> Stat {
        let inode = &self.inodes[number];
        Stat {
            size: inode.seen.len() as u64,
            device: 1,
            inode: number as u64,
            modified: inode.changed,
            changed: inode.changed,
            mode: inode.mode,
            owner: 0,
            group: 0,
        }
    }
}

impl Disk for ModelDisk {
    type File = ModelFile;

    fn create(&mut self, dir: &Dir, name: &str, attributes: Attributes) -> io::Result<ModelFile> {
        let mut inside = self.begin(Class::Room)?;
        if inside.find(dir, name).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = inside.inodes.len();
        inside.inodes.push(Inode { mode: attributes.mode, ..Inode::default() });
        inside.touch(inode);
        inside.change(dir, vec![(name.to_owned(), Some(inode))]);
        Ok(ModelFile { inode, at: 0 })
    }

    fn open(&mut self, dir: &Dir, name: &str) -> io::Result<Option<ModelFile>> {
        let inside = self.begin(Class::Read)?;
        Ok(inside.find(dir, name).map(|inode| ModelFile { inode, at: 0 }))
    }

    fn open_append(&mut self, dir: &Dir, name: &str) -> io::Result<Option<ModelFile>> {
        let inside = self.begin(Class::Change)?;
        Ok(inside.find(dir, name).map(|inode| ModelFile { inode, at: 0 }))
    }

    fn rewind(&mut self, file: &mut ModelFile) -> io::Result<()> {
        file.at = 0;
        Ok(())
    }

    fn read(&mut self, file: &mut ModelFile, buffer: &mut [u8]) -> io::Result<usize> {
        let inside = self.begin(Class::Read)?;
        let rest = &inside.inodes[file.inode].seen[file.at..];
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        file.at += read;
        Ok(read)
    }

    fn write(&mut self, file: &mut ModelFile, bytes: &[u8]) -> io::Result<()> {
        let mut inside = match self.begin(Class::Room) {
            Ok(inside) => inside,
            Err(error) => {
                let mut inside = self.0.borrow_mut();
                let is_dead = matches!(inside.fault, Some(Fault::Crash(at)) if inside.operations > at + 1);
                if !is_dead {
                    // What fails has often written a part.
                    inside.inodes[file.inode].seen.extend(&bytes[..bytes.len() / 2]);
                }
                return Err(error);
            }
        };
        inside.inodes[file.inode].seen.extend(bytes);
        inside.touch(file.inode);
        Ok(())
    }

    fn truncate(&mut self, file: &mut ModelFile, length: u64) -> io::Result<()> {
        let mut inside = self.begin(Class::Change)?;
        inside.inodes[file.inode].seen.truncate(length as usize);
        inside.touch(file.inode);
        Ok(())
    }

    fn sync(&mut self, file: &mut ModelFile) -> io::Result<()> {
        let mut inside = self.begin(Class::Change)?;
        let inode = &mut inside.inodes[file.inode];
        inode.kept = inode.seen.clone();
        Ok(())
    }

    fn stat_open(&mut self, file: &ModelFile) -> io::Result<Stat> {
        Ok(self.begin(Class::Read)?.stat(file.inode))
    }

    fn stat(&mut self, dir: &Dir, name: &str) -> io::Result<Option<Stat>> {
        let inside = self.begin(Class::Read)?;
        Ok(inside.find(dir, name).map(|inode| inside.stat(inode)))
    }

    fn rename(&mut self, dir: &Dir, from: &str, to: &str) -> io::Result<()> {
        let mut inside = self.begin(Class::Change)?;
        let inode = inside.find(dir, from).ok_or(io::ErrorKind::NotFound)?;
        inside.change(dir, vec![(from.to_owned(), None), (to.to_owned(), Some(inode))]);
        Ok(())
    }

    fn remove(&mut self, dir: &Dir, name: &str) -> io::Result<()> {
        let mut inside = self.begin(Class::Change)?;
        if inside.find(dir, name).is_some() {
            inside.change(dir, vec![(name.to_owned(), None)]);
        }
        Ok(())
    }

    fn sync_dir(&mut self, dir: &Dir) -> io::Result<()> {
        let mut inside = self.begin(Class::Change)?;
        let directory = inside.directories.entry(dir.clone()).or_default();
        directory.pending.clear();
        directory.kept = directory.seen.clone();
        Ok(())
    }

    fn list(&mut self, dir: &Dir) -> io::Result<Vec<String>> {
        drop(self.begin(Class::Read)?);
        Ok(self.names(dir))
    }

    fn free(&mut self, _: &Dir) -> io::Result<u64> {
        Ok(self.begin(Class::Read)?.free.unwrap_or(u64::MAX))
    }

    fn path(&self, dir: &Dir, name: &str) -> PathBuf {
        match dir {
            Dir::State => PathBuf::from("/state").join(name),
            Dir::Store => PathBuf::from("/state/store").join(name),
            Dir::Target(path) => path.join(name),
        }
    }
}
