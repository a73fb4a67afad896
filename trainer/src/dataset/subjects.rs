//! What facts are about, and by which words one names it.
//!
//! A subject's first form is full and says all others; a short form ("Maya", "my sister",
//! "my lock code") says only itself.

use super::dice::Dice;
use super::nouns::{FAVOURITES, LOCKED, SECRETS};
use super::phrases::{About, Kind};
use super::values::Class;

/// One way to name a subject.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// As the user says it: "my sister Maya", "Maya", "my sister".
    pub(crate) text: String,
    /// 0: says all; others: parts, which do not imply one another.
    group: u8,
}

/// What a fact is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Which kinds of fact it takes.
    pub(crate) about: About,
    /// The class of its values, where the kind leaves it open.
    class: Option<Class>,
    /// Without "my" or name.
    pub(crate) noun: String,
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// All ways to name it; the first is full.
    pub(crate) forms: Vec<Form>,
}

impl Subject {
    /// The class of its value in a fact of `kind`.
    pub(crate) fn class_in(&self, kind: &Kind) -> Class {
        kind.class.or(self.class).unwrap_or(Class::App)
    }

    /// Whether someone who heard form `told` understands form `asked`.
    pub(crate) fn covers(&self, told: usize, asked: usize) -> bool {
        let named = matches!(self.about, About::Person | About::Pet);
        let (told, asked) = (self.forms[told].group, self.forms[asked].group);
        told == 0 || told == asked || (named && asked == 0)
    }

    /// Whether both share a way to be named.
    pub(crate) fn clashes(&self, other: &Self) -> bool {
        self.forms
            .iter()
            .any(|form| other.forms.iter().any(|theirs| form.text == theirs.text))
    }
}

fn form(text: impl Into<String>, group: u8) -> Form {
    Form {
        text: text.into(),
        group,
    }
}

/// "my sister Maya", "Maya", "my sister".
pub(crate) fn person(relation: &str, name: String) -> Subject {
    named(About::Person, relation, name)
}

/// A subject with kind and name.
pub(crate) fn named(about: About, noun: &str, name: String) -> Subject {
    Subject {
        about,
        class: None,
        noun: noun.to_owned(),
        forms: vec![
            form(format!("my {noun} {name}"), 0),
            form(name.clone(), 1),
            form(format!("my {noun}"), 2),
        ],
        name: Some(name),
    }
}

/// "my NOUN".
pub(crate) fn plain(about: About, noun: &str) -> Subject {
    Subject {
        about,
        class: None,
        noun: noun.to_owned(),
        name: None,
        forms: vec![form(format!("my {noun}"), 0)],
    }
}

/// "my NOUN", "the NOUN".
pub(crate) fn event(noun: &str) -> Subject {
    Subject {
        forms: vec![
            form(format!("my {noun}"), 0),
            form(format!("the {noun}"), 0),
        ],
        ..plain(About::Event, noun)
    }
}

/// The noun alone.
pub(crate) fn bare(about: About, noun: &str) -> Subject {
    Subject {
        forms: vec![form(noun, 0)],
        ..plain(about, noun)
    }
}

/// The code of a lock, by its full name or its last word.
pub(crate) fn locked(full: &str, head: &str) -> Subject {
    Subject {
        class: Some(Class::Digits),
        forms: vec![
            form(format!("my {full} code"), 0),
            form(format!("the code for my {full}"), 0),
            form(format!("the {full} code"), 0),
            form(format!("my {head} code"), 1),
            form(format!("the code for my {head}"), 1),
        ],
        ..plain(About::Property, full)
    }
}

/// Something of the user's with a value of its own.
pub(crate) fn property(dice: &mut Dice) -> Subject {
    match dice.weighted(&[32, 40, 28]) {
        0 => {
            let (full, head) = LOCKED[dice.below(LOCKED.len())];
            let mut subject = locked(full, head);
            if dice.chance(25) {
                subject.class = Some(Class::Code);
            }
            subject
        }
        1 => {
            let (noun, class) = SECRETS[dice.below(SECRETS.len())];
            Subject {
                class: Some(class),
                ..plain(About::Property, noun)
            }
        }
        _ => {
            let (noun, class) = FAVOURITES[dice.below(FAVOURITES.len())];
            let american = noun.replace("colour", "color");
            Subject {
                class: Some(class),
                forms: vec![
                    form(format!("my favourite {noun}"), 0),
                    form(format!("my favorite {american}"), 0),
                ],
                ..plain(About::Property, noun)
            }
        }
    }
}

/// The user.
pub(crate) fn me() -> Subject {
    Subject {
        forms: vec![form("", 0)],
        ..plain(About::Me, "")
    }
}
