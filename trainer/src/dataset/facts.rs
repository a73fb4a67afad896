//! Facts of one imagined person: drawn so that no two answer the same question.
//!
//! # Invariants
//! - In one [`World`] no two subjects share a form ("my lock" means one thing), no two facts
//!   share kind and subject, and no value occurs twice.

use super::dice::Dice;
use super::phrases::{
    About, BELONGINGS, COUNTABLES, DEVICES, EVENTS, FAVOURITES, KINDS, Kind, LOCKED, OFFICES, PETS,
    PURPOSES, RELATIONS, SECRETS,
};
use super::values::{Class, capitalised};

/// From whose mouth a sentence comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    User,
    Assistant,
}

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
    about: About,
    class: Option<Class>,
    pub(crate) noun: String,
    pub(crate) name: Option<String>,
    pub(crate) forms: Vec<Form>,
}

/// A subject, what is said of it, and the value.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    kind: usize,
    pub(crate) subject: Subject,
    pub(crate) value: String,
}

/// A statement and what it lets one ask.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) form: usize,
    pub(crate) change: bool,
}

impl Fact {
    pub(crate) fn kind(&self) -> &'static Kind {
        &KINDS[self.kind]
    }

    pub(crate) fn can_change(&self) -> bool {
        !self.kind().changes.is_empty()
    }

    /// The class of the value.
    fn class(&self) -> Class {
        class_of(self.kind, &self.subject)
    }

    /// `template` filled in.
    pub(crate) fn render(&self, template: &str, form: usize, speaker: Speaker) -> String {
        let mut out = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((key, tail)) = after.split_once('}') else {
                break;
            };
            self.expand(key, form, speaker, &mut out);
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn expand(&self, key: &str, form: usize, speaker: Speaker, out: &mut String) {
        let user = speaker == Speaker::User;
        match key {
            "s" => out.push_str(&said_by(speaker, &self.subject.forms[form].text)),
            "v" => out.push_str(&self.value),
            "n" => out.push_str(&self.subject.noun),
            "an" => {
                out.push_str(article(&self.subject.noun));
                out.push_str(&self.subject.noun);
            }
            "a" => out.push_str(article(&self.value)),
            "my" => out.push_str(if user { "my" } else { "your" }),
            "I" => out.push_str(if user { "I" } else { "you" }),
            "am" => out.push_str(if user { "am" } else { "are" }),
            _ => {}
        }
    }

    /// A statement by the user.
    pub(crate) fn statement(&self, dice: &mut Dice) -> Statement {
        let form = self.any_form(dice, 60);
        self.statement_in(dice, self.kind().says, form)
    }

    /// A statement by the user that replaces an older value; a plain one of what never changes.
    pub(crate) fn change(&self, dice: &mut Dice) -> Statement {
        let form = self.any_form(dice, 25);
        self.change_as(dice, form)
    }

    /// The same, naming the subject as someone who heard form `told` understands.
    pub(crate) fn change_after(&self, dice: &mut Dice, told: usize) -> Statement {
        let form = self.form_after(dice, told);
        self.change_as(dice, form)
    }

    fn change_as(&self, dice: &mut Dice, form: usize) -> Statement {
        if self.can_change() {
            let statement = self.statement_in(dice, self.kind().changes, form);
            Statement {
                change: true,
                ..statement
            }
        } else {
            self.statement_in(dice, self.kind().says, form)
        }
    }

    fn statement_in(&self, dice: &mut Dice, templates: &[&str], form: usize) -> Statement {
        let template = dice.pick(templates);
        let form = if template.contains("{s}") { form } else { 0 };
        let text = self.render(template, form, Speaker::User);
        Statement {
            text: stated(dice, text),
            form,
            change: false,
        }
    }

    /// The full form `full` times of a hundred, else any.
    fn any_form(&self, dice: &mut Dice, full: u32) -> usize {
        if dice.chance(full) {
            0
        } else {
            dice.below(self.subject.forms.len())
        }
    }

    /// For "my sister Maya …": that the sister is called Maya.
    pub(crate) fn naming(&self) -> Option<Self> {
        let about = match self.subject.about {
            About::Person => About::Relation,
            About::Pet => About::PetKind,
            _ => return None,
        };
        Some(Self {
            kind: KINDS.iter().position(|kind| kind.about == about)?,
            subject: plain(about, &self.subject.noun),
            value: self.subject.name.clone()?,
        })
    }

    /// Whether both speak of one subject.
    pub(crate) fn same_subject(&self, other: &Self) -> bool {
        self.subject.forms[0].text == other.subject.forms[0].text
    }

    /// A form that someone who heard `told` understands.
    pub(crate) fn form_after(&self, dice: &mut Dice, told: usize) -> usize {
        let forms = &self.subject.forms;
        let fits: Vec<usize> = (0..forms.len())
            .filter(|&form| self.covers(told, form))
            .collect();
        fits[dice.below(fits.len())]
    }

    fn covers(&self, told: usize, asked: usize) -> bool {
        let forms = &self.subject.forms;
        let person = matches!(self.subject.about, About::Person | About::Pet);
        forms[told].group == 0
            || forms[told].group == forms[asked].group
            || (person && forms[asked].group == 0)
    }

    /// A question by the user; `changed` makes "now" more likely.
    pub(crate) fn question(&self, dice: &mut Dice, form: usize, changed: bool) -> String {
        const INDIRECT: &[&str] = &[
            "do you remember ",
            "do you know ",
            "can you tell me ",
            "could you remind me ",
            "tell me ",
            "remind me ",
            "I forgot ",
            "do you still know ",
            "I'd like to know ",
            "please tell me ",
        ];
        let kind = self.kind();
        if dice.chance(22) {
            let opening = dice.pick(INDIRECT);
            let clause = self.render(kind.clause, form, Speaker::User);
            let mark = if opening.starts_with(['d', 'c']) {
                "?"
            } else {
                "."
            };
            return asked(dice, format!("{opening}{clause}{mark}"));
        }
        let template = dice.pick(kind.asks);
        let mut text = self.render(template, form, Speaker::User);
        let now = if changed { 45 } else { 8 };
        if self.can_change() && takes_now(template) && dice.chance(now) {
            text.truncate(text.len() - 1);
            text.push_str(" now?");
        }
        asked(dice, text)
    }

    /// What the assistant answers.
    pub(crate) fn answer(&self, form: usize) -> String {
        sentence(&self.told(form))
    }

    /// The fact in the assistant's words, without capital or period.
    pub(crate) fn told(&self, form: usize) -> String {
        self.render(self.kind().told, form, Speaker::Assistant)
    }

    /// What the assistant says when told.
    pub(crate) fn confirmation(&self, statement: &Statement) -> String {
        let now = if statement.change { " now" } else { "" };
        format!(
            "Got it: {}{now}. I'll remember that.",
            self.told(statement.form)
        )
    }

    /// What the assistant says when it cannot know.
    pub(crate) fn decline(&self, form: usize) -> String {
        format!(
            "I don't know {} yet. Tell me and I'll remember it.",
            self.render(self.kind().clause, form, Speaker::Assistant)
        )
    }

    /// A yes-or-no question about this value.
    pub(crate) fn check(&self, dice: &mut Dice, form: usize) -> String {
        let text = self.render(self.kind().check, form, Speaker::User);
        asked(dice, text)
    }
}

/// Words after which "now" may stand before the question mark.
fn takes_now(template: &str) -> bool {
    template.ends_with('?')
        && [
            "where ", "what ", "what's ", "who ", "which ", "how ", "in ",
        ]
        .iter()
        .any(|word| template.starts_with(word))
        && !template.contains(" was ")
        && !template.contains(" did ")
        && !template.contains("again")
}

/// "a " or "an ".
fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) {
        "an "
    } else {
        "a "
    }
}

/// A user's form as `speaker` says it: "my" becomes "your".
pub(crate) fn said_by(speaker: Speaker, form: &str) -> String {
    match speaker {
        Speaker::User => form.to_owned(),
        Speaker::Assistant => form.strip_prefix("my ").map_or_else(
            || form.replace(" my ", " your "),
            |rest| format!("your {rest}"),
        ),
    }
}

/// A full sentence: capital letter and period.
pub(crate) fn sentence(text: &str) -> String {
    capitalised(text) + "."
}

/// A statement the way people type it.
fn stated(dice: &mut Dice, text: String) -> String {
    const OPENINGS: &[&str] = &[
        "remember that ",
        "please remember that ",
        "remember: ",
        "by the way, ",
        "note that ",
        "don't forget that ",
        "fyi, ",
        "oh, ",
        "for later: ",
        "please note: ",
        "you should know that ",
        "and ",
        "so, ",
        "remember ",
    ];
    let plain = !["hi", "hello", "call me", "just", "I want", "from now"]
        .iter()
        .any(|start| text.starts_with(start));
    let mut text = if plain && dice.chance(14) {
        dice.pick(OPENINGS).to_owned() + &text
    } else {
        text
    };
    if dice.chance(80) {
        text = capitalised(&text);
    }
    if dice.chance(45) {
        text.push(if dice.chance(8) { '!' } else { '.' });
    }
    text
}

/// A question the way people type it.
pub(crate) fn asked(dice: &mut Dice, text: String) -> String {
    const OPENINGS: &[&str] = &[
        "hey, ",
        "and ",
        "ok, ",
        "by the way, ",
        "so, ",
        "quick question: ",
        "sorry, ",
    ];
    let mut text = if dice.chance(8) {
        dice.pick(OPENINGS).to_owned() + &text
    } else {
        text
    };
    if dice.chance(82) {
        text = capitalised(&text);
    }
    if dice.chance(12) && text.ends_with(['?', '.']) {
        text.truncate(text.len() - 1);
    }
    text
}

/// The class of a fact's value: the kind's own, or the subject's.
fn class_of(kind: usize, subject: &Subject) -> Class {
    KINDS[kind].class.or(subject.class).unwrap_or(Class::App)
}

/// Draws facts that do not contradict or answer for one another.
pub(crate) struct World {
    subjects: Vec<Subject>,
    taken: Vec<(usize, String)>,
    values: Vec<String>,
    /// This user types names without capitals.
    lower: bool,
}

impl World {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        Self {
            subjects: Vec::new(),
            taken: Vec::new(),
            values: Vec::new(),
            lower: dice.chance(5),
        }
    }

    /// A new fact, of any kind.
    pub(crate) fn fact(&mut self, dice: &mut Dice) -> Fact {
        loop {
            let kind = weighted_kind(dice);
            if let Some(fact) = self.fact_of(dice, kind) {
                return fact;
            }
        }
    }

    /// A new fact easily taken for `other`: the same kind, or the same subject.
    pub(crate) fn near(&mut self, dice: &mut Dice, other: &Fact) -> Fact {
        if dice.chance(50)
            && let Some(fact) = self.fact_of(dice, other.kind)
        {
            return fact;
        }
        self.more(dice, other).unwrap_or_else(|| self.fact(dice))
    }

    /// Another fact about the subject of `fact`.
    pub(crate) fn more(&mut self, dice: &mut Dice, fact: &Fact) -> Option<Fact> {
        (0..6).find_map(|_| {
            let kind = weighted_kind(dice);
            (KINDS[kind].about == fact.subject.about)
                .then(|| self.bind(dice, kind, fact.subject.clone()))
                .flatten()
        })
    }

    /// A new value for `fact`.
    pub(crate) fn changed(&mut self, dice: &mut Dice, fact: &Fact) -> Fact {
        Fact {
            value: self.new_value(dice, fact.class()),
            ..fact.clone()
        }
    }

    /// A second fact of the same kind whose subject shares the short form with `fact`'s.
    pub(crate) fn twin(&mut self, dice: &mut Dice, fact: &Fact) -> Option<Fact> {
        let name = self.new_value(dice, Class::Name);
        let subject = match fact.subject.about {
            About::Person => person(&fact.subject.noun, name),
            About::Property => {
                let noun = &fact.subject.noun;
                let head = LOCKED.iter().find(|(full, _)| full == noun)?.1;
                let others: Vec<_> = LOCKED
                    .iter()
                    .filter(|(full, other)| *other == head && full != noun)
                    .collect();
                if others.is_empty() {
                    return None;
                }
                let (full, head) = others[dice.below(others.len())];
                locked(full, head)
            }
            _ => return None,
        };
        self.bind(dice, fact.kind, subject)
    }

    fn fact_of(&mut self, dice: &mut Dice, kind: usize) -> Option<Fact> {
        let about = KINDS[kind].about;
        if dice.chance(35) {
            let known: Vec<usize> = (0..self.subjects.len())
                .filter(|&index| self.subjects[index].about == about)
                .collect();
            if !known.is_empty() {
                let subject = self.subjects[known[dice.below(known.len())]].clone();
                if let Some(fact) = self.bind(dice, kind, subject) {
                    return Some(fact);
                }
            }
        }
        let subject = self.new_subject(dice, about)?;
        self.subjects.push(subject.clone());
        self.bind(dice, kind, subject)
    }

    fn bind(&mut self, dice: &mut Dice, kind: usize, subject: Subject) -> Option<Fact> {
        let slot = (kind, subject.forms[0].text.clone());
        if self.taken.contains(&slot) {
            return None;
        }
        self.taken.push(slot);
        let value = self.new_value(dice, class_of(kind, &subject));
        Some(Fact {
            kind,
            subject,
            value,
        })
    }

    fn new_value(&mut self, dice: &mut Dice, class: Class) -> String {
        loop {
            let mut value = dice.value(class);
            if self.lower && !matches!(class, Class::Code | Class::Password) {
                value = value.to_lowercase();
            }
            if !self.values.contains(&value) {
                self.values.push(value.clone());
                return value;
            }
        }
    }

    /// `None` when the drawn subject's words are in use already.
    fn new_subject(&mut self, dice: &mut Dice, about: About) -> Option<Subject> {
        let subject = match about {
            About::Me => Subject {
                about,
                class: None,
                noun: String::new(),
                name: None,
                forms: vec![form("", 0)],
            },
            About::Person => {
                let name = self.new_value(dice, Class::Name);
                person(dice.pick(RELATIONS), name)
            }
            About::Pet => {
                let name = self.new_value(dice, Class::PetName);
                named(About::Pet, dice.pick(PETS), name)
            }
            About::Relation => plain(about, dice.pick(RELATIONS)),
            About::PetKind => plain(about, dice.pick(PETS)),
            About::Belonging => plain(about, dice.pick(BELONGINGS)),
            About::Device => plain(about, dice.pick(DEVICES)),
            About::Event => event(dice.pick(EVENTS)),
            About::Office => plain(about, dice.pick(OFFICES)),
            About::Purpose => bare(about, dice.pick(PURPOSES)),
            About::Countable => bare(about, dice.pick(COUNTABLES)),
            About::Property => property(dice),
        };
        let clash = self.subjects.iter().any(|known| {
            known
                .forms
                .iter()
                .any(|a| subject.forms.iter().any(|b| a.text == b.text))
        });
        (!clash).then_some(subject)
    }
}

fn weighted_kind(dice: &mut Dice) -> usize {
    const TOTAL: usize = {
        let (mut sum, mut index) = (0, 0);
        while index < KINDS.len() {
            sum += KINDS[index].weight as usize;
            index += 1;
        }
        sum
    };
    let mut roll = dice.below(TOTAL);
    for (index, kind) in KINDS.iter().enumerate() {
        if roll < kind.weight as usize {
            return index;
        }
        roll -= kind.weight as usize;
    }
    0
}

fn form(text: impl Into<String>, group: u8) -> Form {
    Form {
        text: text.into(),
        group,
    }
}

fn person(relation: &str, name: String) -> Subject {
    named(About::Person, relation, name)
}

fn named(about: About, noun: &str, name: String) -> Subject {
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

fn plain(about: About, noun: &str) -> Subject {
    Subject {
        about,
        class: None,
        noun: noun.to_owned(),
        name: None,
        forms: vec![form(format!("my {noun}"), 0)],
    }
}

fn event(noun: &str) -> Subject {
    Subject {
        forms: vec![
            form(format!("my {noun}"), 0),
            form(format!("the {noun}"), 0),
        ],
        ..plain(About::Event, noun)
    }
}

fn bare(about: About, noun: &str) -> Subject {
    Subject {
        forms: vec![form(noun, 0)],
        ..plain(about, noun)
    }
}

fn locked(full: &str, head: &str) -> Subject {
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

fn property(dice: &mut Dice) -> Subject {
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
