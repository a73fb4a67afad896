//! Dialogues: facts told, asked, changed, confused and unknown.
//!
//! [`MIX`] says how often each kind of dialogue comes. Every user message with memories is
//! made by [`shared::turn::user_message`].

use jiff::civil::Date;
use shared::chat::{Message, Role};
use shared::turn::{Recalled, SYSTEM_PROMPT, user_message};

use super::Dialogue;
use super::dice::{Dice, Split};
use super::facts::{Fact, Statement, World, sentence};
use super::facts::{Speaker, asked};
use super::talk::{NOTED, NOTES, SMALL_TALK};
use super::values::capitalised;

type Scenario = fn(&mut Scene);

/// How often each kind of dialogue comes.
const MIX: &[(u32, Scenario)] = &[
    (30, recall),
    (13, update),
    (16, unknown),
    (9, tell),
    (22, conversation),
    (3, small_talk),
    (3, which),
    (4, check),
];

/// Dialogue `index` of the training corpus.
pub(crate) fn training(seed: u64, index: u64) -> Dialogue {
    let mut scene = Scene::new(Dice::new(seed, index, Split::Training));
    let weights: Vec<u32> = MIX.iter().map(|(weight, _)| *weight).collect();
    let scenario = MIX[scene.dice.weighted(&weights)].1;
    scenario(&mut scene);
    scene.finish()
}

/// One dialogue in the making.
pub(crate) struct Scene {
    pub(crate) dice: Dice,
    pub(crate) world: World,
    today: Date,
    messages: Vec<Message>,
}

/// Statements in the order they were said: those of one unit stay in order.
type Unit = Vec<String>;

impl Scene {
    pub(crate) fn new(mut dice: Dice) -> Self {
        let today = day(dice.between(0, 3650));
        Self {
            dice,
            world: World::new(),
            today,
            messages: vec![Message::new(Role::System, SYSTEM_PROMPT)],
        }
    }

    pub(crate) fn finish(self) -> Dialogue {
        Dialogue {
            messages: self.messages,
        }
    }

    /// The user speaks; `units` are recalled beside the words.
    pub(crate) fn user(&mut self, units: Vec<Unit>, words: &str) {
        let texts = self.merged(units);
        let memories = self.dated(texts);
        let content = user_message(self.today, &memories, words);
        self.messages.push(Message::new(Role::User, content));
    }

    fn assistant(&mut self, words: impl Into<String>) {
        self.messages.push(Message::new(Role::Assistant, words));
    }

    /// Shuffles units together, each in its own order.
    fn merged(&mut self, units: Vec<Unit>) -> Vec<String> {
        let mut order: Vec<usize> = units
            .iter()
            .enumerate()
            .flat_map(|(index, unit)| std::iter::repeat_n(index, unit.len()))
            .collect();
        self.dice.shuffle(&mut order);
        let mut queues: Vec<_> = units.into_iter().map(Vec::into_iter).collect();
        order
            .into_iter()
            .filter_map(|index| queues[index].next())
            .collect()
    }

    /// Gives `texts` rising days up to today.
    fn dated(&mut self, texts: Vec<String>) -> Vec<Recalled> {
        let span = [2, 14, 60, 200, 900][self.dice.below(5)];
        let mut ages: Vec<i64> = texts.iter().map(|_| self.dice.between(0, span)).collect();
        ages.sort_unstable_by(|a, b| b.cmp(a));
        texts
            .into_iter()
            .zip(ages)
            .map(|(text, age)| Recalled {
                date: before(self.today, age),
                text,
            })
            .collect()
    }

    /// A memory that answers no question about `target`.
    pub(crate) fn distractor(&mut self, target: &Fact) -> Unit {
        match self.dice.weighted(&[38, 38, 5, 9, 6, 4]) {
            0 => self.stated(|world, dice| world.near(dice, target)),
            1 => self.stated(World::fact),
            2 => {
                let fact = self.world.fact(&mut self.dice);
                self.history(&fact)
            }
            3 => vec![self.old_question()],
            4 => vec![self.note()],
            _ => {
                let fact = self.world.fact(&mut self.dice);
                let statement = fact.statement(&mut self.dice);
                vec![fact.confirmation(&statement)]
            }
        }
    }

    fn stated(&mut self, draw: impl Fn(&mut World, &mut Dice) -> Fact) -> Unit {
        let fact = draw(&mut self.world, &mut self.dice);
        vec![self.said(&fact).text]
    }

    /// A statement of `fact`, now and then one of a change.
    pub(crate) fn said(&mut self, fact: &Fact) -> Statement {
        if self.dice.chance(14) {
            fact.change(&mut self.dice)
        } else {
            fact.statement(&mut self.dice)
        }
    }

    /// An old value of `fact`, then the present one.
    fn history(&mut self, fact: &Fact) -> Unit {
        if !fact.can_change() {
            return vec![fact.statement(&mut self.dice).text];
        }
        let old = self.world.changed(&mut self.dice, fact);
        vec![
            old.statement(&mut self.dice).text,
            fact.change(&mut self.dice).text,
        ]
    }

    /// A question that was asked long ago about something never told.
    fn old_question(&mut self) -> String {
        let fact = self.world.fact(&mut self.dice);
        let form = self.dice.below(fact.subject.forms.len());
        fact.question(&mut self.dice, form, false)
    }

    fn note(&mut self) -> String {
        let template = self.dice.pick(NOTES);
        let word = self.dice.word();
        let name = self.dice.value(super::values::Class::Name);
        let text = template.replace("{w}", &word).replace("{p}", &name);
        if self.dice.chance(80) {
            capitalised(&text)
        } else {
            text
        }
    }

    /// 0 to 5 distractors.
    fn distractors(&mut self, target: &Fact) -> Vec<Unit> {
        let count = self.dice.weighted(&[10, 16, 20, 20, 22, 12]);
        (0..count).map(|_| self.distractor(target)).collect()
    }

    /// At least one memory that does not help, or none at all.
    fn useless(&mut self, target: &Fact) -> Vec<Unit> {
        if self.dice.chance(22) {
            return Vec::new();
        }
        let count = self.dice.between(1, 5);
        (0..count).map(|_| self.distractor(target)).collect()
    }

    fn any_form(&mut self, fact: &Fact) -> usize {
        self.dice.below(fact.subject.forms.len())
    }
}

/// A statement, and the assistant confirms it.
fn tell(scene: &mut Scene) {
    if scene.dice.chance(15) {
        return take_note(scene);
    }
    let fact = scene.world.fact(&mut scene.dice);
    let mut units = Vec::new();
    let changed = scene.dice.chance(35) && fact.can_change();
    if scene.dice.chance(45) {
        units = scene.distractors(&fact);
        if changed {
            let old = scene.world.changed(&mut scene.dice, &fact);
            units.push(vec![old.statement(&mut scene.dice).text]);
        }
    }
    let statement = if changed {
        fact.change(&mut scene.dice)
    } else {
        fact.statement(&mut scene.dice)
    };
    scene.user(units, &statement.text);
    scene.assistant(fact.confirmation(&statement));
}

fn take_note(scene: &mut Scene) {
    let note = scene.note();
    let units = if scene.dice.chance(40) {
        let fact = scene.world.fact(&mut scene.dice);
        scene.distractors(&fact)
    } else {
        Vec::new()
    };
    scene.user(units, &note);
    scene.assistant(NOTED);
}

/// A question whose answer is among the memories.
fn recall(scene: &mut Scene) {
    let fact = scene.world.fact(&mut scene.dice);
    ask_recalled(scene, &fact);
}

fn ask_recalled(scene: &mut Scene, fact: &Fact) {
    let statement = scene.said(fact);
    let mut units = scene.distractors(fact);
    units.push(vec![statement.text.clone()]);
    let form = fact.form_after(&mut scene.dice, statement.form);
    let question = fact.question(&mut scene.dice, form, statement.change);
    scene.user(units, &question);
    scene.assistant(fact.answer(form));
}

/// An older and a newer value are among the memories; the question is about either.
fn update(scene: &mut Scene) {
    let fact = loop {
        let fact = scene.world.fact(&mut scene.dice);
        if fact.can_change() {
            break fact;
        }
    };
    let old = scene.world.changed(&mut scene.dice, &fact);
    let first = old.statement(&mut scene.dice);
    let second = fact.change(&mut scene.dice);
    let mut units = scene.distractors(&fact);
    units.truncate(4);
    units.push(vec![first.text.clone(), second.text.clone()]);
    // Both statements must be understood as one subject: ask by what the older one implies.
    let form = fact.form_after(&mut scene.dice, first.form);
    if let (Some((ask, told)), true) = (fact.kind().past, scene.dice.chance(25)) {
        let text = fact.render(ask, form, Speaker::User);
        let question = asked(&mut scene.dice, text);
        scene.user(units, &question);
        scene.assistant(sentence(&old.render(told, form, Speaker::Assistant)));
    } else {
        let question = fact.question(&mut scene.dice, form, true);
        scene.user(units, &question);
        scene.assistant(fact.answer(form));
    }
}

/// A question that nothing answers.
fn unknown(scene: &mut Scene) {
    let fact = scene.world.fact(&mut scene.dice);
    let units = scene.useless(&fact);
    let form = scene.any_form(&fact);
    let question = if scene.dice.chance(12) {
        fact.check(&mut scene.dice, form)
    } else {
        fact.question(&mut scene.dice, form, false)
    };
    scene.user(units, &question);
    scene.assistant(fact.decline(form));
}

/// A yes-or-no question about something told.
fn check(scene: &mut Scene) {
    let fact = scene.world.fact(&mut scene.dice);
    let statement = scene.said(&fact);
    let mut units = scene.distractors(&fact);
    units.push(vec![statement.text.clone()]);
    let form = fact.form_after(&mut scene.dice, statement.form);
    let yes = scene.dice.chance(50);
    let supposed = if yes {
        fact.clone()
    } else {
        scene.world.changed(&mut scene.dice, &fact)
    };
    let question = supposed.check(&mut scene.dice, form);
    scene.user(units, &question);
    let word = if yes { "Yes" } else { "No" };
    scene.assistant(format!("{word}, {}.", fact.told(form)));
}

/// Two facts fit the question: the assistant asks which.
fn which(scene: &mut Scene) {
    let (first, second) = loop {
        let fact = scene.world.fact(&mut scene.dice);
        if let Some(twin) = scene.world.twin(&mut scene.dice, &fact) {
            break (fact, twin);
        }
    };
    let Some(short) = first.subject.forms.len().checked_sub(1) else {
        return;
    };
    let statements = [&first, &second].map(|fact| {
        let text = fact.render(fact.kind().says[0], 0, Speaker::User);
        capitalised(&text)
    });
    let mut units = scene.distractors(&first);
    units.truncate(3);
    units.push(statements.to_vec());
    let question = first.question(&mut scene.dice, short, false);
    scene.user(units, &question);
    let (noun, options) = alternatives(&first, &second, short);
    scene.assistant(format!("Which {noun}, {} or {}?", options[0], options[1]));
    let (chosen, name) = if scene.dice.chance(50) {
        (first, &options[0])
    } else {
        (second, &options[1])
    };
    let reply = name.replace("your ", "my ");
    scene.user(Vec::new(), &reply);
    scene.assistant(chosen.answer(0));
}

/// What the two have in common, and how each is called.
fn alternatives(first: &Fact, second: &Fact, short: usize) -> (String, [String; 2]) {
    if let (Some(a), Some(b)) = (&first.subject.name, &second.subject.name) {
        return (first.subject.noun.clone(), [a.clone(), b.clone()]);
    }
    let common = &first.subject.forms[short].text;
    let noun = common.rsplit(' ').next().unwrap_or(common);
    let name = |fact: &Fact| format!("your {}", fact.subject.noun);
    (noun.to_owned(), [name(first), name(second)])
}

fn small_talk(scene: &mut Scene) {
    for _ in 0..scene.dice.between(1, 3) {
        chat(scene);
    }
}

fn chat(scene: &mut Scene) {
    let (asks, replies) = SMALL_TALK[scene.dice.below(SMALL_TALK.len())];
    let words = scene.dice.pick(asks).to_owned();
    let words = if scene.dice.chance(70) {
        capitalised(&words)
    } else {
        words
    };
    let units = if scene.dice.chance(25) {
        let fact = scene.world.fact(&mut scene.dice);
        scene.useless(&fact)
    } else {
        Vec::new()
    };
    scene.user(units, &words);
    let reply = scene.dice.pick(replies);
    scene.assistant(reply);
}

/// What was told in a conversation, by the statement that first named the subject.
struct Told {
    fact: Fact,
    form: usize,
    changed: bool,
}

/// Two to eight turns; what was told stays in the history.
fn conversation(scene: &mut Scene) {
    let mut known: Vec<Told> = Vec::new();
    let turns = scene.dice.weighted(&[0, 0, 24, 24, 20, 12, 8, 6, 6]);
    for turn in 0..turns {
        let step = if known.is_empty() && turn + 1 < turns {
            scene.dice.weighted(&[70, 0, 0, 12, 10, 8])
        } else if known.is_empty() {
            3
        } else {
            scene.dice.weighted(&[26, 34, 14, 12, 6, 8])
        };
        match step {
            0 => tell_more(scene, &mut known),
            1 => ask_back(scene, &known),
            2 => change_mind(scene, &mut known),
            3 => unknown(scene),
            4 => chat(scene),
            _ => recall(scene),
        }
    }
}

fn tell_more(scene: &mut Scene, known: &mut Vec<Told>) {
    let fact = scene.world.fact(&mut scene.dice);
    let statement = fact.statement(&mut scene.dice);
    let units = if scene.dice.chance(25) {
        scene.useless(&fact)
    } else {
        Vec::new()
    };
    scene.user(units, &statement.text);
    scene.assistant(fact.confirmation(&statement));
    known.push(Told {
        fact,
        form: statement.form,
        changed: false,
    });
}

fn ask_back(scene: &mut Scene, known: &[Told]) {
    let told = &known[scene.dice.below(known.len())];
    let units = if scene.dice.chance(40) {
        scene.useless(&told.fact)
    } else {
        Vec::new()
    };
    let form = told.fact.form_after(&mut scene.dice, told.form);
    let question = told.fact.question(&mut scene.dice, form, told.changed);
    scene.user(units, &question);
    scene.assistant(told.fact.answer(form));
}

/// The user corrects or changes something told before.
fn change_mind(scene: &mut Scene, known: &mut [Told]) {
    const SLIPS: &[&str] = &[
        "no, it's {v}",
        "sorry, I meant {v}",
        "actually, {v}",
        "no, {v}",
        "wrong, it's {v}",
        "I mean {v}",
    ];
    let last = known.len() - 1;
    let told = &mut known[if scene.dice.chance(60) { last } else { 0 }];
    let fresh = scene.world.changed(&mut scene.dice, &told.fact);
    let just_told = scene.messages.iter().rev().take(1).any(|message| {
        message.content.starts_with("Got it: ") && message.content.contains(&told.fact.value)
    });
    if !just_told && !fresh.can_change() {
        return chat(scene);
    }
    if just_told && (scene.dice.chance(50) || !fresh.can_change()) {
        let template = scene.dice.pick(SLIPS);
        let text = fresh.render(template, told.form, Speaker::User);
        scene.user(Vec::new(), &capitalised(&text));
        scene.assistant(format!(
            "Got it: {}. I'll remember that.",
            fresh.told(told.form)
        ));
    } else {
        let mut statement = fresh.change(&mut scene.dice);
        if statement.form != told.form && told.form != 0 {
            let text = fresh.render(fresh.kind().changes[0], told.form, Speaker::User);
            statement = Statement {
                text: capitalised(&text),
                form: told.form,
                change: true,
            };
        }
        scene.user(Vec::new(), &statement.text);
        scene.assistant(fresh.confirmation(&statement));
        told.changed = true;
    }
    told.fact = fresh;
}

/// Day `offset` after the first of 2023.
fn day(offset: i64) -> Date {
    before(jiff::civil::date(2023, 1, 1), -offset)
}

/// The day `days` before `date`, within the calendar.
fn before(date: Date, days: i64) -> Date {
    date.saturating_sub(jiff::Span::new().days(days))
}
