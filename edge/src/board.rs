//! This machine, and the profile that describes it.
//!
//! The only place that asks the hardware; profiles are data (`boards/*.toml`), compiled
//! in. Where none names the machine, the largest that fits it is cut down to it.
//!
//! Units: memory in MiB.

use std::path::Path;
use std::thread::available_parallelism;

use shared::board::{Board, BoardError, Machine};

/// Where Linux tells the model name of a board.
const DEVICE_TREE_MODEL: &str = "/proc/device-tree/model";

/// The profiles, the more particular first.
const PROFILES: &[&str] = &[
    include_str!("../../boards/raspberry-pi-5-8gb.toml"),
    include_str!("../../boards/laptop-16gb.toml"),
    include_str!("../../boards/laptop-8gb.toml"),
];

/// Every profile there is.
///
/// # Errors
/// [`BoardError`] if one of them is wrong; a test holds that none is.
pub fn all() -> Result<Vec<Board>, BoardError> {
    PROFILES.iter().map(|text| Board::parse(text)).collect()
}

/// Asks the machine what it is.
pub fn machine() -> Machine {
    let memory = rustix::system::sysinfo();
    let bytes = u128::from(memory.totalram) * u128::from(memory.mem_unit.max(1));
    Machine {
        device_tree: device_tree(Path::new(DEVICE_TREE_MODEL)),
        memory_mib: u64::try_from(bytes >> 20).unwrap_or(u64::MAX),
        cores: available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
    }
}

fn device_tree(path: &Path) -> Option<String> {
    let bytes = fs_err::read(path).ok()?;
    let name = String::from_utf8_lossy(&bytes);
    let name = name.trim_end_matches('\0').trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The profile that describes `machine`, cut down to what it has.
///
/// # Errors
/// [`BoardError`] as [`all`].
pub fn choose(machine: &Machine) -> Result<Option<Board>, BoardError> {
    let boards = all()?;
    let found = boards.into_iter().find(|board| board.describes(machine));
    Ok(found.map(|board| board.fitted(machine)))
}

/// What the processor is called; nothing where the system does not say.
pub fn processor_name() -> Option<String> {
    let text = fs_err::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Bytes of memory that programs may still take; nothing where the system does not say.
pub fn available_memory_mib() -> Option<u64> {
    let text = fs_err::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}

/// Bytes free on the disk of the nearest folder of `path` that exists.
pub fn disk_free(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|path| path.exists())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The instruction sets that inference gains from, and whether they are there.
pub fn instruction_sets() -> Vec<(&'static str, bool)> {
    #[cfg(target_arch = "x86_64")]
    let sets = vec![
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("f16c", std::is_x86_feature_detected!("f16c")),
        ("bmi2", std::is_x86_feature_detected!("bmi2")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(target_arch = "aarch64")]
    let sets = vec![
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        (
            "dotprod",
            std::arch::is_aarch64_feature_detected!("dotprod"),
        ),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let sets = Vec::new();
    sets
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_profile_is_valid_and_has_its_own_name() {
        let boards = all().unwrap();
        let names: BTreeSet<&str> = boards.iter().map(|board| board.name.as_str()).collect();
        assert_eq!(names.len(), boards.len());
    }

    #[test]
    fn a_raspberry_pi_is_found_by_its_name() {
        let pi = Machine {
            device_tree: Some("Raspberry Pi 5 Model B Rev 1.0".to_owned()),
            memory_mib: 8_060,
            cores: 4,
        };
        let board = choose(&pi).unwrap().unwrap();
        assert!(board.name.starts_with("raspberry-pi-5"), "{}", board.name);
    }

    #[test]
    fn a_small_machine_gets_a_profile_cut_down_to_it() {
        let small = Machine {
            device_tree: None,
            memory_mib: 3_000,
            cores: 2,
        };
        let board = choose(&small).unwrap().unwrap();
        assert_eq!(board.threads.decode, 1);
        assert!(board.memory_budget_mib <= 2_250);
    }

    #[test]
    fn this_machine_says_what_it_is() {
        let machine = machine();
        assert!(machine.cores >= 1);
        assert!(machine.memory_mib > 64);
    }
}
