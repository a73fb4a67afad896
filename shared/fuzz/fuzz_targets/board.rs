//! Any text is a board profile or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::board::Board;

fuzz_target!(|source: &str| {
    let _ = Board::parse(source);
});
