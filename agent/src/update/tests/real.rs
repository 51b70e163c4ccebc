//! The same on a real disk with real programs.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::{
    super::{Attributes, Event, Programs, RealDisk, SinceBoot, State, Target, Targets, Timing, Updater, split},
    world::{World, offer, rule},
};

const START: SinceBoot = SinceBoot::from_secs(1_000);

fn target(path: &Path) -> Target {
    let (directory, file) = split(path).unwrap();
    let attributes = Attributes { mode: 0o640, owner: None, group: None };
    Target { directory, file, attributes, reload: None, validator: None, health: None }
}

/// Calls the updater on a thread beside the runtime, as the agent does.
fn on_a_thread<T: Send>(work: impl FnOnce(Programs) -> T + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    std::thread::scope(|scope| {
        let (done, wait) = tokio::sync::oneshot::channel::<()>();
        let working = scope.spawn(move || {
            let result = work(Programs::new(handle));
            drop(done);
            result
        });
        let _ = runtime.block_on(wait);
        working.join().unwrap()
    })
}

#[test]
fn files_are_replaced_with_their_modes_and_come_back_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let etc = root.join("etc");
    fs::create_dir(&etc).unwrap();
    let config = etc.join("pos.toml");
    fs::write(&config, "old").unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o604)).unwrap();
    let marker = root.join("reloaded");
    let mut targets = Targets::default();
    targets.checks.insert("pos-answers".to_owned(), rule("/usr/bin/test", &["-e", marker.to_str().unwrap()]));
    let reload = Some(rule("/usr/bin/cp", &[config.to_str().unwrap(), marker.to_str().unwrap()]));
    let validator = Some(rule("/usr/bin/grep", &["-q", "pin", "{file}"]));
    targets.targets.insert("config".to_owned(), Target { reload, validator, ..target(&config) });
    targets.targets.insert("fresh".to_owned(), target(&etc.join("fresh")));

    let mut world = World::new();
    let files: &[(&str, &[u8], bool)] = &[("config", b"pin = {{ pin }}", true), ("fresh", &[7; 300_000], false)];
    let (first, refused) = (world.release(1, files), world.release(2, &[("config", b"none", false)]));
    let third = world.release(3, &[("config", b"pin = none", false), ("fresh", b"", false)]);
    on_a_thread(move |programs| {
        let mut now = START;
        let open = |now| {
            let disk = RealDisk::new(&root.join("state")).unwrap();
            Updater::open(disk, programs.clone(), targets.clone(), Timing::default(), "boot", now).unwrap()
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let mut updater = open(now);
        world.feed(&mut updater, offer(1, &first), now, false);
        assert_eq!(updater.state(), Some(State::Probation), "{}", updater.report(now).reason);
        assert_eq!((fs::read(&config).unwrap(), mode(&config)), (b"pin = hunter2".to_vec(), 0o640));
        assert_eq!(
            (fs::read(&marker).unwrap(), fs::read(etc.join("fresh")).unwrap().len()),
            (b"pin = hunter2".to_vec(), 300_000)
        );
        world.feed(&mut updater, Event::Cancel { generation: 1 }, now, false);
        assert_eq!((fs::read(&config).unwrap(), mode(&config)), (b"old".to_vec(), 0o604));
        assert!(!etc.join("fresh").exists());
        assert_eq!(fs::read(&marker).unwrap(), b"old", "reloaded with the old file");

        world.feed(&mut updater, offer(2, &refused), now, false);
        let reason = updater.report(now).reason;
        assert!(
            reason.contains("the validator of config refused the new file: /usr/bin/grep ended with exit status: 1"),
            "{reason}"
        );
        assert_eq!(fs::read(&config).unwrap(), b"old");

        world.feed(&mut updater, offer(3, &third), now, false);
        world.settle(&mut updater, &mut now);
        assert_eq!(updater.state(), Some(State::Confirmed), "{}", updater.report(now).reason);
        assert_eq!(fs::read(&config).unwrap(), b"pin = none");
        let mut left: Vec<_> = fs::read_dir(&etc).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["fresh", "pos.toml"]);
        assert_eq!(open(now).state(), Some(State::Confirmed));
        // A link in place of a target is refused, and what it points to stays.
        fs::remove_file(&config).unwrap();
        std::os::unix::fs::symlink(&marker, &config).unwrap();
        let fourth = world.release(4, &[("config", b"pin = 4", false)]);
        world.feed(&mut updater, offer(4, &fourth), now, false);
        assert_eq!(updater.state(), Some(State::Failed));
        assert!(updater.report(now).reason.contains("symbolic link"), "{}", updater.report(now).reason);
        assert_eq!(fs::read(&marker).unwrap(), b"pin = none");
    });
}
