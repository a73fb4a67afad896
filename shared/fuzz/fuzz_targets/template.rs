//! Any text is a chat template or an error, and renders within bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::chat::{Message, Role};
use shared::template::{AddGenerationPrompt, Special, Template};

fuzz_target!(|source: &str| {
    let special = Special {
        bos: "<s>".to_owned(),
        eos: "</s>".to_owned(),
    };
    if let Ok(template) = Template::new(source, special) {
        let messages = [
            Message::new(Role::System, "Be brief."),
            Message::new(Role::User, "Hello"),
        ];
        let _ = template.render(&messages, AddGenerationPrompt::Yes);
    }
});
