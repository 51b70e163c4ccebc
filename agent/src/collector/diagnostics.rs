//! Facts about the machine, for RUN_DIAGNOSTICS.

use std::path::Path;

use serde_json::{Value, json};
use sysinfo::{CpuRefreshKind, Disks, Networks, RefreshKind, System};

use crate::platform;

/// Bounds of the lists, so that the answer stays within 64 KiB on any machine.
const MAX_DISKS: usize = 32;
const MAX_INTERFACES: usize = 64;
const MAX_TEXT: usize = 128;

/// Facts about the machine. What can't be told is null.
pub(super) fn diagnostics(state_dir: &Path, of_machine: bool) -> Value {
    let refreshes = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(refreshes).ok();
    let system = system.as_ref();
    let memory = platform::memory(of_machine);
    json!({
        "agent_version": env!("CARGO_PKG_VERSION"),
        "state_dir": short(&state_dir.to_string_lossy()),
        "hostname": platform::hostname().map(|name| short(&name)),
        "boot_id": platform::boot_id(),
        "uptime_seconds": platform::uptime().map(|uptime| uptime.as_secs()),
        "os": System::long_os_version().ok().map(|text| short(&text)),
        "os_id": System::distribution_id(),
        "os_version": System::os_version().ok().map(|text| short(&text)),
        "kernel": System::kernel_version().ok().map(|text| short(&text)),
        "cpu": {
            "arch": System::cpu_arch(),
            "count": system.map(|system| system.cpus().len()),
            "model": system.and_then(|system| system.cpus().first()).map(|cpu| short(cpu.brand().trim())),
        },
        "memory": memory.map(|memory| json!({
            "total_bytes": memory.total,
            "available_bytes": memory.total.saturating_sub(memory.used),
            "limit_bytes": memory.is_limit.then_some(memory.total),
        })),
        "swap": memory.map(|memory| json!({
            "total_bytes": memory.swap_total,
            "used_bytes": memory.swap_used,
        })),
        "load": platform::load(),
        "disks": disks(),
        "interfaces": interfaces(),
    })
}

fn disks() -> Vec<Value> {
    let Ok(disks) = Disks::new_with_refreshed_list() else { return Vec::new() };
    let facts = |disk: &sysinfo::Disk| {
        json!({
            "mount_point": short(&disk.mount_point().to_string_lossy()),
            "device": short(&disk.name().to_string_lossy()),
            "file_system": short(&disk.file_system().to_string_lossy()),
            "total_bytes": disk.total_space(),
            "available_bytes": disk.available_space(),
        })
    };
    disks.iter().take(MAX_DISKS).map(facts).collect()
}

fn interfaces() -> Vec<Value> {
    let Ok(networks) = Networks::new_with_refreshed_list() else { return Vec::new() };
    let facts = |(name, data): (&std::ffi::OsString, &sysinfo::NetworkData)| {
        let addresses: Vec<_> = data.ip_networks().iter().take(8).map(|network| network.addr.to_string()).collect();
        json!({
            "name": short(&name.to_string_lossy()),
            "mac_address": data.mac_address().to_string(),
            "addresses": addresses,
            "bytes_sent": data.total_transmitted(),
            "bytes_received": data.total_received(),
        })
    };
    networks.iter().take(MAX_INTERFACES).map(facts).collect()
}

fn short(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_name_this_machine_and_fit_into_an_outcome() {
        let facts = diagnostics(Path::new("/state"), false);
        for key in ["hostname", "boot_id", "os", "kernel", "uptime_seconds", "load"] {
            assert!(!facts[key].is_null(), "{key}");
        }
        assert!(facts["cpu"]["count"].as_u64().unwrap() > 0);
        assert!(facts["memory"]["total_bytes"].as_u64().unwrap() > 0);
        assert!(facts.to_string().len() < homepot::model::MAX_PAYLOAD_BYTES);
    }
}
