//! Any bytes are an example or an error; what reads is written again to the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::example::Example;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(example) = Example::decode(bytes) {
        let written = example.encode().expect("what was read can be written");
        assert_eq!(Example::decode(&written), Ok(example));
    }
});
