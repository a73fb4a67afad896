//! What the trainer teaches is what the device sends: the same prompts, to the byte.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use edge::memory::episode::ItemId;
use edge::prompt::{Conversation, Evidence, Question};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use shared::chat::Role;
use shared::clock::Timestamp;
use shared::id::EpisodeId;
use trainer::dataset::Generator;

/// A user message taken apart: today, the memories shown, the words.
struct Parts<'a> {
    today: Date,
    memories: Vec<(Date, &'a str)>,
    words: &'a str,
}

fn take_apart(message: &str) -> Option<Parts<'_>> {
    let rest = message.strip_prefix("Memories, oldest first (today is ")?;
    let (today, rest) = rest.split_once("):\n")?;
    let (block, words) = rest.split_once("\n\n")?;
    let memories = block.lines().map(|line| {
        let (date, text) = line.strip_prefix("- ").unwrap().split_once(": ").unwrap();
        (date.parse().unwrap(), text)
    });
    Some(Parts {
        today: today.parse().unwrap(),
        memories: memories.collect(),
        words,
    })
}

fn noon(date: Date) -> Timestamp {
    let instant = date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
    Timestamp::from_millis(instant.timestamp().as_millisecond())
}

#[test]
fn the_corpus_shows_memories_as_the_device_does() {
    let corpus = Generator::new(1);
    let mut compared = 0;
    for index in 20_000..20_500 {
        let family = corpus.family(index).into_iter();
        let messages = family.flat_map(|dialogue| dialogue.messages);
        for message in messages.filter(|message| message.role == Role::User) {
            let Some(parts) = take_apart(&message.content) else {
                continue;
            };
            let evidence: Vec<Evidence> = (0..)
                .zip(&parts.memories)
                .map(|(n, (date, text))| {
                    let said_at = noon(*date).plus_millis(n);
                    let episode = EpisodeId::new(said_at, n.unsigned_abs().into());
                    Evidence {
                        item: ItemId::Episode(episode),
                        episode,
                        said_at,
                        text: (*text).to_owned(),
                    }
                })
                .collect();
            let question = Question {
                words: parts.words,
                evidence: &evidence,
                now: noon(parts.today),
                zone: &TimeZone::UTC,
            };
            let plan = Conversation::new(shared::turn::SYSTEM_PROMPT)
                .plan(&question, usize::MAX, &mut |messages| {
                    Ok::<_, std::convert::Infallible>(messages.len())
                })
                .unwrap();
            assert_eq!(plan.sent, message.content, "family {index}");
            compared += 1;
        }
    }
    assert!(
        compared > 200,
        "only {compared} messages of the corpus show memories"
    );
}

/// Drills, short and made of copying alone, have none.
#[test]
fn instructions_are_those_of_the_device() {
    let corpus = Generator::new(2);
    let dialogues: Vec<_> = (20_000..20_200)
        .flat_map(|index| corpus.family(index))
        .collect();
    let instructed = dialogues
        .iter()
        .map(|dialogue| &dialogue.messages[0])
        .filter(|first| first.role == Role::System);
    assert!(instructed.clone().count() > 150);
    for first in instructed {
        assert_eq!(
            (first.role, first.content.as_str()),
            (Role::System, shared::turn::SYSTEM_PROMPT)
        );
    }
}
