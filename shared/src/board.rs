//! A device profile: what one kind of machine can carry, as data.
//!
//! Devices differ by profile and never by code: everything that runs a model takes its
//! threads, context and memory budget from a [`Board`].
//!
//! # Invariants
//! - A [`Board`] that was parsed is complete and consistent: at least one thread, no
//!   more threads than cores, a budget below the memory, unknown keys refused.
//!
//! Units: memory in MiB, contexts in tokens.

use serde::{Deserialize, Serialize};

/// The shortest context a conversation fits in.
const LEAST_CONTEXT_TOKENS: u32 = 256;

/// How keys and values of read tokens are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvType {
    /// 16-bit floats.
    #[default]
    F16,
    /// 8-bit blocks: about half the memory of [`KvType::F16`].
    Q8_0,
}

impl KvType {
    /// Bytes that `count` values take; `count` is a multiple of 32 in every real model.
    pub const fn bytes(self, count: u64) -> u64 {
        match self {
            Self::F16 => count.saturating_mul(2),
            Self::Q8_0 => count.div_ceil(32).saturating_mul(34),
        }
    }

    /// The name that files and flags use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
        }
    }
}

/// How many threads compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threads {
    /// While a prompt is read: bound by arithmetic.
    pub prefill: u32,
    /// While an answer is generated: bound by memory bandwidth.
    pub decode: u32,
}

/// How a machine is recognised. Every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detect {
    /// The device tree's model name contains this.
    pub device_tree: Option<String>,
    /// It has at least this much memory.
    pub least_memory_mib: Option<u64>,
    /// It has less than this much memory.
    pub below_memory_mib: Option<u64>,
}

/// What a machine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The device tree's model name, if there is one.
    pub device_tree: Option<String>,
    /// All of its memory.
    pub memory_mib: u64,
    /// Cores that this process may use.
    pub cores: u32,
}

/// One kind of machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Its short name, as in `--board`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its cores.
    pub cores: u32,
    /// Its memory.
    pub memory_mib: u64,
    /// What model, cache and memories may take together.
    pub memory_budget_mib: u64,
    /// Tokens of prompt and answer together.
    pub context: u32,
    /// How read tokens are kept.
    pub kv_type: KvType,
    /// How many threads compute.
    pub threads: Threads,
    /// How it is recognised.
    #[serde(default)]
    pub detect: Detect,
}

impl Board {
    /// Reads a profile.
    ///
    /// ```
    /// let board = shared::board::Board::parse(r#"
    ///     name = "desk"
    ///     title = "The machine under the desk"
    ///     cores = 8
    ///     memory_mib = 16384
    ///     memory_budget_mib = 10240
    ///     context = 8192
    ///     kv_type = "f16"
    ///     threads = { prefill = 7, decode = 4 }
    /// "#)?;
    /// assert_eq!(board.threads.decode, 4);
    /// # Ok::<(), shared::board::BoardError>(())
    /// ```
    ///
    /// # Errors
    /// [`BoardError`] if it is not TOML, has missing or unknown keys, or contradicts itself.
    pub fn parse(source: &str) -> Result<Self, BoardError> {
        let board: Self = toml::from_str(source).map_err(|source| BoardError::Syntax { source })?;
        board.check()?;
        Ok(board)
    }

    /// Whether this profile describes `machine`.
    pub fn describes(&self, machine: &Machine) -> bool {
        let named = self.detect.device_tree.as_ref().is_none_or(|part| {
            machine
                .device_tree
                .as_ref()
                .is_some_and(|name| name.contains(part.as_str()))
        });
        named
            && self
                .detect
                .least_memory_mib
                .is_none_or(|least| machine.memory_mib >= least)
            && self
                .detect
                .below_memory_mib
                .is_none_or(|below| machine.memory_mib < below)
    }

    /// The same profile cut down to what `machine` has: one core stays free, and a
    /// quarter of the memory.
    #[must_use]
    pub fn fitted(mut self, machine: &Machine) -> Self {
        let most = machine.cores.saturating_sub(1).max(1);
        self.threads.prefill = self.threads.prefill.min(most);
        self.threads.decode = self.threads.decode.min(most);
        self.cores = self.cores.min(machine.cores.max(1));
        let share = (machine.memory_mib / 4 * 3).max(1);
        self.memory_budget_mib = self.memory_budget_mib.min(share);
        self
    }

    fn check(&self) -> Result<(), BoardError> {
        let refuse = |key, reason| Err(BoardError::Value { key, reason });
        let Threads { prefill, decode } = self.threads;
        if self.name.is_empty() || !self.name.bytes().all(is_name_byte) {
            return refuse("name", "must be lower-case letters, digits and hyphens");
        }
        if self.cores == 0 {
            return refuse("cores", "must be at least 1");
        }
        if !(1..=self.cores).contains(&prefill) || !(1..=self.cores).contains(&decode) {
            return refuse("threads", "must be from 1 to the number of cores");
        }
        if self.memory_budget_mib == 0 || self.memory_budget_mib >= self.memory_mib {
            return refuse("memory_budget_mib", "must be above 0 and below memory_mib");
        }
        if self.context < LEAST_CONTEXT_TOKENS {
            return refuse("context", "must be at least 256 tokens");
        }
        Ok(())
    }
}

const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

/// Why a profile was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoardError {
    /// It is not a profile.
    #[error("the board profile cannot be read")]
    Syntax {
        /// Where and why.
        source: toml::de::Error,
    },
    /// It contradicts itself.
    #[error("board profile: {key} {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it must be.
        reason: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESK: &str = r#"
        name = "desk"
        title = "Desk"
        cores = 4
        memory_mib = 8192
        memory_budget_mib = 6144
        context = 4096
        kv_type = "q8_0"
        threads = { prefill = 3, decode = 3 }
        detect = { device_tree = "Desk 5", least_memory_mib = 6000 }
    "#;

    fn parse(from: &str, to: &str) -> Result<Board, BoardError> {
        assert!(DESK.contains(from));
        Board::parse(&DESK.replace(from, to))
    }

    #[test]
    fn contradictions_are_refused_by_key() {
        for (from, to, key) in [
            ("decode = 3", "decode = 5", "threads"),
            ("decode = 3", "decode = 0", "threads"),
            ("= 6144", "= 8192", "memory_budget_mib"),
            ("= 4096", "= 16", "context"),
            ("\"desk\"", "\"My Desk\"", "name"),
        ] {
            match parse(from, to) {
                Err(BoardError::Value { key: found, .. }) => assert_eq!(found, key),
                other => panic!("{to}: {other:?}"),
            }
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        let wrong = parse("cores = 4", "cores = 4\nkores = 5");
        assert!(matches!(wrong, Err(BoardError::Syntax { .. })));
    }

    #[test]
    fn every_condition_that_is_given_must_hold() {
        let board = Board::parse(DESK).unwrap();
        let mut machine = Machine {
            device_tree: Some("Acme Desk 5 Rev 1.1".to_owned()),
            memory_mib: 7_900,
            cores: 4,
        };
        assert!(board.describes(&machine));
        machine.memory_mib = 3_900;
        assert!(!board.describes(&machine));
        machine.memory_mib = 7_900;
        machine.device_tree = None;
        assert!(!board.describes(&machine));
    }

    #[test]
    fn a_smaller_machine_gets_fewer_threads_and_less_memory() {
        let machine = Machine {
            device_tree: None,
            memory_mib: 4_000,
            cores: 2,
        };
        let board = Board::parse(DESK).unwrap().fitted(&machine);
        assert_eq!(
            board.threads,
            Threads {
                prefill: 1,
                decode: 1
            }
        );
        assert_eq!(board.memory_budget_mib, 3_000);
    }

    #[test]
    fn eight_bit_blocks_take_about_half() {
        assert_eq!(KvType::F16.bytes(1024), 2048);
        assert_eq!(KvType::Q8_0.bytes(1024), 1088);
    }
}
