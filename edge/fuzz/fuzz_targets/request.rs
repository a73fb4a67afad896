//! Any bytes are a request of each route, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    edge::server::decode::as_every_request(body);
});
