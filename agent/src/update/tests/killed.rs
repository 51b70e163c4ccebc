//! A real disk, and an agent that is killed before each operation: nothing of what it did is lost, and nothing more is done.

use std::{cell::Cell, fs, io, path::PathBuf, rc::Rc};

use super::{
    super::{Attributes, Dir, Disk, Event, RealDisk, SinceBoot, Stat, State, Timing, Updater, split},
    world::{Script, World, offer, targets},
};

const START: SinceBoot = SinceBoot::from_secs(1_000);

/// A disk that does nothing any more once its agent has done so many operations.
struct Mortal {
    disk: RealDisk,
    left: Rc<Cell<usize>>,
}

impl Mortal {
    fn alive(&mut self) -> io::Result<&mut RealDisk> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| io::Error::other("killed"))?;
        self.left.set(left);
        Ok(&mut self.disk)
    }
}

impl Disk for Mortal {
    type File = fs::File;

    fn create(&mut self, dir: &Dir, name: &str, attributes: Attributes) -> io::Result<fs::File> {
        self.alive()?.create(dir, name, attributes)
    }
    fn open(&mut self, dir: &Dir, name: &str) -> io::Result<Option<fs::File>> {
        self.disk.open(dir, name)
    }
    fn open_append(&mut self, dir: &Dir, name: &str) -> io::Result<Option<fs::File>> {
        self.disk.open_append(dir, name)
    }
    fn rewind(&mut self, file: &mut fs::File) -> io::Result<()> {
        self.disk.rewind(file)
    }
    fn read(&mut self, file: &mut fs::File, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.read(file, buffer)
    }
    fn write(&mut self, file: &mut fs::File, bytes: &[u8]) -> io::Result<()> {
        self.alive()?.write(file, bytes)
    }
    fn truncate(&mut self, file: &mut fs::File, length: u64) -> io::Result<()> {
        self.alive()?.truncate(file, length)
    }
    fn sync(&mut self, _: &mut fs::File) -> io::Result<()> {
        // Who is killed loses nothing that was not synced; the disk of `cuts` does.
        self.alive().map(|_| ())
    }
    fn stat_open(&mut self, file: &fs::File) -> io::Result<Stat> {
        self.disk.stat_open(file)
    }
    fn stat(&mut self, dir: &Dir, name: &str) -> io::Result<Option<Stat>> {
        self.disk.stat(dir, name)
    }
    fn rename(&mut self, dir: &Dir, from: &str, to: &str) -> io::Result<()> {
        self.alive()?.rename(dir, from, to)
    }
    fn remove(&mut self, dir: &Dir, name: &str) -> io::Result<()> {
        self.alive()?.remove(dir, name)
    }
    fn sync_dir(&mut self, _: &Dir) -> io::Result<()> {
        self.alive().map(|_| ())
    }
    fn list(&mut self, dir: &Dir) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }
    fn free(&mut self, dir: &Dir) -> io::Result<u64> {
        self.disk.free(dir)
    }
    fn path(&self, dir: &Dir, name: &str) -> PathBuf {
        self.disk.path(dir, name)
    }
}

#[test]
fn an_agent_that_is_killed_anywhere_leaves_all_old_or_all_new() {
    let mut world = World::new();
    let manifest = world.usual(1);
    let (mut cuts, mut ends) = (0, Vec::new());
    for at in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let mut targets = targets();
        for target in targets.targets.values_mut() {
            target.directory = root.join(target.directory.strip_prefix("/").unwrap());
            fs::create_dir_all(&target.directory).unwrap();
        }
        let files: Vec<_> = ["config", "fresh", "logo"]
            .map(|name| targets.targets[name].directory.join(&targets.targets[name].file))
            .into();
        fs::write(&files[0], "old config").unwrap();
        fs::write(&files[2], "old logo").unwrap();
        let holds = || files.iter().map(|file| fs::read_to_string(file).ok()).collect::<Vec<_>>();
        let old = holds();
        let new = ["pin = \"hunter2\"", "new fresh", "new logo"].map(|text| Some(text.to_owned())).to_vec();
        let left = Rc::new(Cell::new(at));
        let open = |left: &Rc<Cell<usize>>, now| {
            let disk = Mortal { disk: RealDisk::new(&root.join("state")).unwrap(), left: left.clone() };
            Updater::open(disk, Script::default(), targets.clone(), Timing::default(), "boot", now)
        };
        let mut now = START;
        if let Ok(mut updater) = open(&left, now) {
            world.feed(&mut updater, offer(1, &manifest), now, false);
            world.settle(&mut updater, &mut now);
        }
        let was_killed = left.get() == 0;
        let mut updater = open(&Rc::new(Cell::new(usize::MAX)), now).unwrap();
        let is_new = matches!(updater.state(), Some(State::Probation | State::Confirmed));
        assert_eq!(holds(), if is_new { new.clone() } else { old.clone() }, "killed at {at}: {:?}", updater.state());
        if updater.state().is_none() {
            world.feed(&mut updater, offer(1, &manifest), now, false);
        }
        world.feed(&mut updater, Event::Tick, now, false);
        world.settle(&mut updater, &mut now);
        let end = updater.state();
        assert_eq!(holds(), if end == Some(State::Confirmed) { new } else { old }, "killed at {at}: {end:?}");
        assert!(matches!(end, Some(State::Confirmed | State::RolledBack)), "killed at {at}: {end:?}");
        for name in fs::read_dir(split(&files[0]).unwrap().0).unwrap().map(|entry| entry.unwrap().file_name()) {
            assert!(!name.to_string_lossy().contains("homepot"), "killed at {at}: {name:?} is left");
        }
        if !was_killed {
            break;
        }
        cuts += 1;
        ends.extend(end);
    }
    assert!(cuts > 50 && ends.contains(&State::RolledBack) && ends.contains(&State::Confirmed), "{cuts}");
}
