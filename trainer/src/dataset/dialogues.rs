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
    (2, naming),
    (2, about_someone),
    (2, told_when),
    (3, told_two),
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
        let world = World::new(&mut dice);
        Self {
            dice,
            world,
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
    ///
    /// Returns the memories as they are shown.
    pub(crate) fn user(&mut self, units: Vec<Unit>, words: &str) -> Vec<Recalled> {
        let texts = self.merged(units);
        let memories = self.dated(texts);
        let content = user_message(self.today, &memories, words);
        self.messages.push(Message::new(Role::User, content));
        memories
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
        match self.dice.weighted(&[38, 38, 5, 9, 6]) {
            0 => self.stated(|world, dice| world.near(dice, target)),
            1 => self.stated(World::fact),
            2 => {
                let fact = self.world.fact(&mut self.dice);
                self.history(&fact)
            }
            3 => vec![self.old_question()],
            _ => vec![self.note()],
        }
    }

    fn stated(&mut self, draw: impl Fn(&mut World, &mut Dice) -> Fact) -> Unit {
        let fact = draw(&mut self.world, &mut self.dice);
        vec![self.said(&fact).text]
    }

    /// A statement of `fact` as it is recalled: mostly a plain one, now and then a change,
    /// or how it was confirmed.
    pub(crate) fn said(&mut self, fact: &Fact) -> Statement {
        let statement = if self.dice.chance(14) {
            fact.change(&mut self.dice)
        } else {
            fact.statement(&mut self.dice)
        };
        if self.dice.chance(4) {
            let text = fact.confirmation(&statement);
            return Statement { text, ..statement };
        }
        statement
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

    /// Bytes said so far, the system prompt left out.
    fn bytes(&self) -> usize {
        self.messages.iter().skip(1).map(|m| m.content.len()).sum()
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
    ask_recalled(scene);
}

fn ask_recalled(scene: &mut Scene) -> Told {
    let fact = scene.world.fact(&mut scene.dice);
    let statement = scene.said(&fact);
    let mut units = scene.distractors(&fact);
    units.push(vec![statement.text.clone()]);
    let form = fact.form_after(&mut scene.dice, statement.form);
    let mut question = fact.question(&mut scene.dice, form, statement.change);
    if scene.dice.chance(4) {
        question = question.to_lowercase();
    }
    scene.user(units, &question);
    scene.assistant(fact.answer(form));
    Told {
        fact,
        form: statement.form,
        changed: statement.change,
        text: statement.text,
    }
}

/// "My sister Maya lives in …": what is my sister called?
fn naming(scene: &mut Scene) {
    let (fact, named) = loop {
        let fact = scene.world.fact(&mut scene.dice);
        if let Some(named) = fact.naming() {
            break (fact, named);
        }
    };
    let text = fact.render(fact.kind().says[0], 0, Speaker::User);
    let mut units = scene.distractors(&fact);
    units.push(vec![capitalised(&text)]);
    let question = named.question(&mut scene.dice, 0, false);
    scene.user(units, &question);
    scene.assistant(named.answer(0));
}

/// "What do you know about Maya?": one or two facts, oldest first.
fn about_someone(scene: &mut Scene) {
    const ASKS: &[&str] = &[
        "what do you know about {s}?",
        "what did I tell you about {s}?",
        "tell me about {s}",
        "what can you tell me about {s}?",
        "who is {s}?",
    ];
    let fact = loop {
        let fact = scene.world.fact(&mut scene.dice);
        if fact.subject.name.is_some() {
            break fact;
        }
    };
    let second = scene
        .world
        .more(&mut scene.dice, &fact)
        .filter(|_| scene.dice.chance(60));
    let facts: Vec<Fact> = std::iter::once(fact).chain(second).collect();
    let lines = facts.iter().map(|fact| {
        let template = scene.dice.pick(fact.kind().says);
        capitalised(&fact.render(template, 0, Speaker::User))
    });
    let mut units = vec![lines.collect()];
    for _ in 0..scene.dice.below(4) {
        let other = scene.world.fact(&mut scene.dice);
        if !other.same_subject(&facts[0]) {
            units.push(vec![other.statement(&mut scene.dice).text]);
        }
    }
    let form = scene.dice.below(2);
    let text = facts[0].render(scene.dice.pick(ASKS), form, Speaker::User);
    let question = asked(&mut scene.dice, text);
    scene.user(units, &question);
    let answers: Vec<String> = facts.iter().map(|fact| fact.answer(form)).collect();
    scene.assistant(answers.join(" "));
}

/// "When did I tell you …?": the day stands beside the memory.
fn told_when(scene: &mut Scene) {
    const ASKS: &[&str] = &[
        "when did I tell you ",
        "when did I say ",
        "on what date did I tell you ",
        "since when do you know ",
    ];
    let fact = scene.world.fact(&mut scene.dice);
    let statement = scene.said(&fact);
    let mut units = scene.distractors(&fact);
    units.push(vec![statement.text.clone()]);
    let form = fact.form_after(&mut scene.dice, statement.form);
    let clause = fact.render(fact.kind().clause, form, Speaker::User);
    let text = format!("{}{clause}?", scene.dice.pick(ASKS));
    let question = asked(&mut scene.dice, text);
    let shown = scene.user(units, &question);
    if let Some(memory) = shown.iter().find(|memory| memory.text == statement.text) {
        scene.assistant(format!("You told me on {}.", memory.date));
    }
}

/// Two facts in one sentence; later one of them is asked.
fn told_two(scene: &mut Scene) {
    let facts = [(); 2].map(|()| scene.world.fact(&mut scene.dice));
    let said = facts.each_ref().map(|fact| {
        let template = scene.dice.pick(fact.kind().says);
        fact.render(template, 0, Speaker::User)
    });
    let joint = scene.dice.pick(&[" and ", ", and ", ". "]);
    let second = if joint == ". " {
        capitalised(&said[1])
    } else {
        said[1].clone()
    };
    let words = format!("{}{joint}{second}", capitalised(&said[0]));
    let remembered = scene.dice.chance(50);
    if !remembered {
        scene.user(Vec::new(), &words);
        scene.assistant(format!(
            "Got it: {}, and {}. I'll remember that.",
            facts[0].told(0),
            facts[1].told(0)
        ));
    }
    let fact = &facts[scene.dice.below(2)];
    let mut units = if remembered {
        scene.distractors(fact)
    } else {
        Vec::new()
    };
    if remembered {
        units.push(vec![words]);
    }
    let form = fact.form_after(&mut scene.dice, 0);
    let question = fact.question(&mut scene.dice, form, false);
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
    let second = fact.change_after(&mut scene.dice, first.form);
    let mut units = scene.distractors(&fact);
    units.truncate(4);
    units.push(vec![first.text.clone(), second.text.clone()]);
    // The older statement may alone say who "Maya" is: ask by what it implies.
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
    ask_unknown(scene);
}

/// Returns what was asked, and by which form.
fn ask_unknown(scene: &mut Scene) -> (Fact, usize) {
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
    (fact, form)
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

/// What a conversation knows, by the statement that first named the subject.
struct Told {
    fact: Fact,
    form: usize,
    changed: bool,
    /// The newest statement of it.
    text: String,
}

/// A conversation takes no further turn beyond this many bytes, about 700 tokens.
const CONVERSATION_BYTES: usize = 1_900;

/// Two to eight turns; what was told or recalled stays in the history.
fn conversation(scene: &mut Scene) {
    let mut known: Vec<Told> = Vec::new();
    let turns = scene.dice.weighted(&[0, 0, 24, 24, 20, 12, 8, 6, 6]);
    for turn in 0..turns {
        if scene.bytes() > CONVERSATION_BYTES {
            break;
        }
        let step = if !known.is_empty() {
            scene.dice.weighted(&[24, 34, 15, 12, 6, 9])
        } else if turn + 1 < turns {
            scene.dice.weighted(&[62, 0, 0, 10, 10, 18])
        } else {
            3
        };
        match step {
            0 => tell_more(scene, &mut known),
            1 => ask_back(scene, &known),
            2 => change_mind(scene, &mut known),
            3 => known.extend(ask_then_tell(scene)),
            4 => chat(scene),
            _ => known.push(ask_recalled(scene)),
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
        text: statement.text,
    });
}

/// A question that nothing answers; after the offer to remember, the user may answer it.
fn ask_then_tell(scene: &mut Scene) -> Option<Told> {
    const SHORT: &[&str] = &["it's {v}", "{v}", "ok, it's {v}", "it is {v}"];
    let (fact, form) = ask_unknown(scene);
    if scene.dice.chance(55) {
        return None;
    }
    let plain = matches!(fact.kind().told, "{s} is {v}" | "{s} is called {v}");
    let statement = if plain && scene.dice.chance(35) {
        let text = fact.render(scene.dice.pick(SHORT), form, Speaker::User);
        scene.user(Vec::new(), &capitalised(&text));
        let line = fact.render(fact.kind().says[0], form, Speaker::User);
        Statement {
            text: capitalised(&line),
            form,
            change: false,
        }
    } else {
        let statement = fact.statement(&mut scene.dice);
        scene.user(Vec::new(), &statement.text);
        statement
    };
    scene.assistant(fact.confirmation(&statement));
    Some(Told {
        fact,
        form: statement.form,
        changed: false,
        text: statement.text,
    })
}

/// A question about what the history holds, with or without memories beside it.
fn ask_back(scene: &mut Scene, known: &[Told]) {
    let told = &known[scene.dice.below(known.len())];
    let mut units = Vec::new();
    if scene.dice.chance(40) {
        units = scene.useless(&told.fact);
        units.truncate(3);
    }
    for other in known {
        if scene.dice.chance(20) {
            units.push(vec![other.text.clone()]);
        }
    }
    let form = told.fact.form_after(&mut scene.dice, told.form);
    let question = told.fact.question(&mut scene.dice, form, told.changed);
    scene.user(units, &question);
    scene.assistant(told.fact.answer(form));
}

/// The user corrects or changes something known.
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
    let confirmed = scene.messages.last().is_some_and(|message| {
        message.content.starts_with("Got it: ") && message.content.contains(&told.fact.value)
    });
    let slip = confirmed && (scene.dice.chance(50) || !told.fact.can_change());
    if !slip && !told.fact.can_change() {
        return chat(scene);
    }
    let fresh = scene.world.changed(&mut scene.dice, &told.fact);
    if slip {
        let template = scene.dice.pick(SLIPS);
        let words = capitalised(&fresh.render(template, told.form, Speaker::User));
        scene.user(Vec::new(), &words);
        let now = fresh.told(told.form);
        scene.assistant(format!("Got it: {now}. I'll remember that."));
        let template = fresh.kind().says[0];
        told.text = capitalised(&fresh.render(template, told.form, Speaker::User));
    } else {
        let statement = fresh.change_after(&mut scene.dice, told.form);
        let units = if scene.dice.chance(35) {
            vec![vec![told.text.clone()]]
        } else {
            Vec::new()
        };
        scene.user(units, &statement.text);
        scene.assistant(fresh.confirmation(&statement));
        told.changed = true;
        told.text = statement.text;
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
