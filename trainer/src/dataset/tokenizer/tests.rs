//! The tokenizer and the sequences it makes.

use std::sync::LazyLock;

use proptest::prelude::*;
use shared::chat::{Message, Role};
use shared::template::{AddGenerationPrompt, Special, Template};

use super::*;
use crate::dataset::Generator;

const WEIGHTS: LossWeights = LossWeights {
    answer: 1.0,
    context: 0.25,
};

fn texts() -> impl Iterator<Item = String> + Send {
    (0..1_500).flat_map(|index| {
        let dialogue = Generator::new(1).family(index).swap_remove(0);
        dialogue
            .messages
            .into_iter()
            .skip(1)
            .map(|message| message.content)
    })
}

static TOKENIZER: LazyLock<ChatTokenizer> =
    LazyLock::new(|| ChatTokenizer::train(texts(), 1_024).unwrap());

/// What [`CHAT_TEMPLATE`] renders.
fn rendered(dialogue: &Dialogue) -> String {
    dialogue
        .messages
        .iter()
        .map(|m| format!("<|im_start|>{}\n{}<|im_end|>\n", m.role, m.content))
        .collect()
}

#[test]
fn special_tokens_come_first_and_the_vocabulary_is_full() {
    let tokens = TOKENIZER.tokens();
    assert_eq!(tokens[..3], SPECIALS);
    assert_eq!(tokens.len(), 1_024);
    assert_eq!(TOKENIZER.vocab(), 1_024);
    assert_eq!(TOKENIZER.merges().len(), 1_024 - SMALLEST_VOCAB);
    assert_eq!(TOKENIZER.encode("<|im_end|>"), [IM_END]);
    assert_eq!(TOKENIZER.encode("<|im_start|>"), [IM_START]);
    assert_eq!(TOKENIZER.encode("<|endoftext|>"), [END_OF_TEXT]);
}

#[test]
fn merges_join_tokens_of_the_vocabulary() {
    let tokens = TOKENIZER.tokens();
    for (merge, made) in TOKENIZER.merges().iter().zip(&tokens[SMALLEST_VOCAB..]) {
        let (left, right) = merge.split_once(' ').unwrap();
        assert!(tokens.iter().any(|token| token == left), "{merge}");
        assert_eq!(format!("{left}{right}"), *made);
    }
}

#[test]
fn digits_stand_alone() {
    let pieces: Vec<_> = TOKENIZER
        .encode("code 4711")
        .iter()
        .map(|id| TOKENIZER.decode(&[*id]))
        .collect();
    assert!(
        pieces.ends_with(&["4".into(), "7".into(), "1".into(), "1".into()]),
        "{pieces:?}"
    );
}

#[test]
fn equal_texts_give_equal_tokenizers() {
    let again = ChatTokenizer::train(texts(), 1_024).unwrap();
    assert_eq!(again.to_json().unwrap(), TOKENIZER.to_json().unwrap());
}

#[test]
fn a_tokenizer_is_read_as_it_was_written() {
    let read = ChatTokenizer::from_json(&TOKENIZER.to_json().unwrap()).unwrap();
    assert_eq!(read.tokens(), TOKENIZER.tokens());
    assert_eq!(read.merges(), TOKENIZER.merges());
    let text = "My sister Maya lives in Lisbon<|im_end|>\n";
    assert_eq!(read.encode(text), TOKENIZER.encode(text));
}

#[test]
fn foreign_and_broken_files_are_refused() {
    let foreign = TOKENIZER.to_json().unwrap().replace("<|im_end|>", "<end>");
    assert!(matches!(
        ChatTokenizer::from_json(&foreign),
        Err(TokenizerError::Special { id: 2, .. })
    ));
    assert!(matches!(
        ChatTokenizer::from_json("{}"),
        Err(TokenizerError::Read { .. })
    ));
}

#[test]
fn a_vocabulary_without_room_or_text_is_refused() {
    assert!(matches!(
        ChatTokenizer::train(texts(), 258),
        Err(TokenizerError::Vocab {
            vocab: 258,
            smallest: 259
        })
    ));
    let few = std::iter::once("one two".to_owned());
    assert!(matches!(
        ChatTokenizer::train(few, 1_024),
        Err(TokenizerError::Texts {
            expected: 1_024,
            ..
        })
    ));
}

#[test]
fn a_dialogue_is_tokenised_as_its_rendering() {
    for index in 0..300 {
        let dialogue = Generator::new(2).family(index).swap_remove(0);
        let sequence = TOKENIZER.encode_dialogue(&dialogue, WEIGHTS);
        assert_eq!(sequence.tokens, TOKENIZER.encode(&rendered(&dialogue)));
        assert_eq!(sequence.tokens.len(), sequence.weights.len());
    }
}

#[test]
fn the_chat_template_renders_what_is_tokenised() {
    let special = Special {
        bos: String::new(),
        eos: SPECIALS[2].to_owned(),
    };
    let template = Template::new(CHAT_TEMPLATE, special).unwrap();
    for index in 0..100 {
        let dialogue = Generator::new(4).family(index).swap_remove(0);
        let whole = template
            .render(&dialogue.messages, AddGenerationPrompt::No)
            .unwrap();
        assert_eq!(whole, rendered(&dialogue));
        let (_, before) = dialogue.messages.split_last().unwrap();
        let prompt = template.render(before, AddGenerationPrompt::Yes).unwrap();
        assert!(prompt.ends_with("<|im_start|>assistant\n"), "{prompt}");
        assert!(whole.starts_with(&prompt), "{prompt}");
    }
}

#[test]
fn answers_and_their_ends_weigh_in_full_and_nothing_else_does() {
    for index in 0..300 {
        let dialogue = Generator::new(3).family(index).swap_remove(0);
        let sequence = TOKENIZER.encode_dialogue(&dialogue, WEIGHTS);
        assert_eq!(sequence.weights[0], 0.0);
        assert!(
            sequence.weights[1..]
                .iter()
                .all(|weight| [1.0, 0.25].contains(weight))
        );
        let pairs = sequence.tokens.iter().zip(&sequence.weights);
        let learnt: Vec<u32> = pairs
            .filter(|(_, weight)| **weight == 1.0)
            .map(|(token, _)| *token)
            .collect();
        let answers: String = dialogue
            .messages
            .iter()
            .filter(|message| message.role == Role::Assistant)
            .map(|message| format!("{}<|im_end|>", message.content))
            .collect();
        assert_eq!(TOKENIZER.decode(&learnt), answers);
    }
}

proptest! {
    #[test]
    fn any_text_survives(text in "(\\PC|[\\x00-\\x20\\u{7f}-\\u{a0}]|\u{202e}|<\\|im_end\\|>){0,40}") {
        prop_assert_eq!(TOKENIZER.decode(&TOKENIZER.encode(&text)), text);
    }

    #[test]
    fn any_message_is_tokenised_as_its_rendering(content in "(\\PC|[ \\n\\t0-9']){0,40}") {
        let dialogue = Dialogue {
            messages: vec![
                Message::new(Role::User, content.clone()),
                Message::new(Role::Assistant, content),
            ],
        };
        let sequence = TOKENIZER.encode_dialogue(&dialogue, WEIGHTS);
        prop_assert_eq!(&sequence.tokens, &TOKENIZER.encode(&rendered(&dialogue)));
        prop_assert_eq!(sequence.tokens.len(), sequence.weights.len());
    }
}
