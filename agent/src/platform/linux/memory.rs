//! Memory of the machine, or of the container where that has a limit of its own.
//!
//! A container's memory counts as kubelet counts it, by its working set: what it uses, without file pages that were not
//! used lately. The kernel charges every page of a file to whoever read or wrote it and gives it up when memory is wanted,
//! so a program that writes a large file fills its limit without being short of anything.

use std::{fs, path::Path};

use super::super::Memory;

/// Where a container finds its own limits.
const CGROUPS: &str = "/sys/fs/cgroup";

/// `of_machine`: whatever the limits of this container are.
pub(super) fn memory(of_machine: bool) -> Option<Memory> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    match of_machine {
        true => machine(&meminfo),
        false => read(&meminfo, Path::new(CGROUPS)),
    }
}

fn machine(meminfo: &str) -> Option<Memory> {
    Some(Memory {
        total: kib(meminfo, "MemTotal:")?,
        is_limit: false,
        used: kib(meminfo, "MemTotal:")?.saturating_sub(kib(meminfo, "MemAvailable:")?),
        swap_total: kib(meminfo, "SwapTotal:"),
        swap_used: kib(meminfo, "SwapTotal:")
            .zip(kib(meminfo, "SwapFree:"))
            .map(|(total, free)| total.saturating_sub(free)),
    })
}

fn read(meminfo: &str, cgroups: &Path) -> Option<Memory> {
    let machine = machine(meminfo)?;
    match container(cgroups) {
        Some((limit, used)) if limit < machine.total => Some(Memory { total: limit, is_limit: true, used, ..machine }),
        _ => Some(machine),
    }
}

/// Limit and working set; `None`: there is no limit here.
fn container(cgroups: &Path) -> Option<(u64, u64)> {
    // Version 2, then version 1, which may lie in a directory of its own.
    let v2 = || counted(cgroups, ["memory.max", "memory.current", "inactive_file"]);
    let v1 = || {
        let names = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"];
        counted(&cgroups.join("memory"), names)
    };
    v2().or_else(v1)
}

fn counted(directory: &Path, [limit, usage, inactive]: [&str; 3]) -> Option<(u64, u64)> {
    let text = |name: &str| fs::read_to_string(directory.join(name)).ok();
    let number = |name: &str| text(name)?.trim().parse::<u64>().ok();
    let (limit, usage) = (number(limit)?, number(usage)?);
    let stat = text("memory.stat")?;
    let inactive = stat.lines().find_map(|line| line.strip_prefix(inactive)?.trim().parse::<u64>().ok())?;
    Some((limit, usage.saturating_sub(inactive)))
}

fn kib(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       1048576 kB\nMemFree: 1 kB\nMemAvailable:    786432 kB\n\
                           SwapTotal:        2048 kB\nSwapFree:         1024 kB\n";
    const MIB: u64 = 1024 * 1024;

    fn write(directory: &Path, files: &[(&str, String)]) {
        fs::create_dir_all(directory).unwrap();
        files.iter().for_each(|(name, text)| fs::write(directory.join(name), text).unwrap());
    }

    #[test]
    fn a_containers_file_pages_do_not_count_as_its_memory() {
        // As seen after 400 MB of files in a container of 256 MiB.
        let v2 = tempfile::tempdir().unwrap();
        let stat = format!("anon 0\nfile {}\ninactive_anon 5\ninactive_file {}\n", 250 * MIB, 248 * MIB);
        let files = [
            ("memory.max", format!("{}\n", 256 * MIB)),
            ("memory.current", format!("{}\n", 254 * MIB)),
            ("memory.stat", stat),
        ];
        write(v2.path(), &files);
        let memory = read(MEMINFO, v2.path()).unwrap();
        assert_eq!((memory.total, memory.used), (256 * MIB, 6 * MIB));

        let v1 = tempfile::tempdir().unwrap();
        let stat = format!("inactive_file 1\ntotal_inactive_file {}\n", 248 * MIB);
        let files = [
            ("memory.limit_in_bytes", format!("{}\n", 256 * MIB)),
            ("memory.usage_in_bytes", format!("{}\n", 254 * MIB)),
            ("memory.stat", stat),
        ];
        write(&v1.path().join("memory"), &files);
        let memory = read(MEMINFO, v1.path()).unwrap();
        assert_eq!((memory.total, memory.used), (256 * MIB, 6 * MIB));
    }

    #[test]
    fn without_a_limit_the_machine_counts() {
        let none = tempfile::tempdir().unwrap();
        let machine = Memory {
            total: 1024 * MIB,
            is_limit: false,
            used: 256 * MIB,
            swap_total: Some(2 * MIB),
            swap_used: Some(MIB),
        };
        assert_eq!(read(MEMINFO, none.path()), Some(machine));
        for limit in ["max".to_owned(), (2048 * MIB).to_string()] {
            let files = [("memory.max", limit), ("memory.current", "1".to_owned())];
            write(none.path(), &[&files[..], &[("memory.stat", "inactive_file 0\n".to_owned())]].concat());
            assert_eq!(read(MEMINFO, none.path()), Some(machine));
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_measured() {
        let none = tempfile::tempdir().unwrap();
        for bad in ["", "MemTotal: 5 kB\n", "MemTotal: x kB\nMemAvailable: 5 kB\n"] {
            assert_eq!(read(bad, none.path()), None, "{bad}");
        }
        let memory = read("MemTotal: 5 kB\nMemAvailable: 1 kB\n", none.path()).unwrap();
        assert_eq!((memory.swap_total, memory.swap_used), (None, None));
    }
}
