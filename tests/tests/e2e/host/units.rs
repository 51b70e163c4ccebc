//! The units of systemd that the documentation names.

use std::{fs, process::Command};

use homepot_tests::workspace;

const UNITS: [(&str, &str); 2] = [("homepot", "homepot"), ("homepot-agent", "homepot-agent")];

#[test]
fn the_units_are_named_in_the_documentation_and_sandboxed() {
    let documented = fs::read_to_string(workspace().join("docs/operations.md")).unwrap();
    for (unit, _) in UNITS {
        let path = format!("systemd/{unit}.service");
        assert!(documented.contains(&path), "{path}");
        let text = fs::read_to_string(workspace().join(&path)).unwrap();
        for line in [
            "NoNewPrivileges=yes",
            "CapabilityBoundingSet=",
            "ProtectSystem=strict",
            "SystemCallFilter=@system-service",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {path}");
        }
    }
}

#[test]
fn systemd_takes_the_units_as_they_are() {
    let works = Command::new("systemd-analyze").arg("--version").output().is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (unit, program) in UNITS {
        let text = fs::read_to_string(workspace().join(format!("systemd/{unit}.service"))).unwrap();
        // It looks for the program, which nobody has installed here.
        let installed = format!("ExecStart={program} ");
        assert!(text.contains(&installed), "{unit}");
        let copy = directory.path().join(format!("{unit}.service"));
        fs::write(&copy, text.replace(&installed, "ExecStart=/bin/true ")).unwrap();
        let output = Command::new("systemd-analyze").arg("verify").arg(&copy).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !told.contains(&format!("{unit}.service")), "{told}");
    }
}
