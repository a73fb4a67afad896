//! Dialogues: facts told, asked, changed, confused and unknown.
//!
//! [`MIX`] says how often each kind of dialogue comes. Every user message with memories is
//! made by [`shared::turn::user_message`].

mod conversation;
mod quiz;
pub(crate) mod scene;

use self::conversation::{conversation, drill, follow_up};
use self::quiz::{quiz, quiz_of_one_kind};
use self::scene::{Scene, Told};
use super::Dialogue;
use super::dice::{Dice, Split};
use super::facts::{Fact, Speaker, asked, sentence};
use super::talk::{NOTED, SMALL_TALK};
use super::values::capitalised;

type Scenario = fn(&mut Scene);

/// How often each kind of dialogue comes.
const MIX: &[(u32, Scenario)] = &[
    (50, quiz),
    (4, recall),
    (8, update),
    (6, unknown),
    (4, tell),
    (16, conversation),
    (2, small_talk),
    (2, which),
    (2, naming),
    (2, about_someone),
    (2, told_two),
];

/// Up to each of these dialogues, how many of a hundred are drills.
///
/// Short dialogues made of little but copying come first: a model that begins with long
/// ones learns their phrases and is late to look anything up.
const DRILLS: &[(u64, u32)] = &[(8_000, 85), (12_000, 40), (u64::MAX, 4)];

/// From this family on, how many of a hundred are quizzes of one kind: what a model that
/// answers most questions still confuses is facts that differ in their subject alone.
const ONE_KIND: (u64, u32) = (120_000, 55);

/// Family `index` of the training corpus.
pub(crate) fn training(seed: u64, index: u64) -> Vec<Dialogue> {
    let mut scene = Scene::new(Dice::new(seed, index, Split::Training));
    let drills = DRILLS.iter().find(|(end, _)| index < *end);
    if drills.is_some_and(|(_, percent)| scene.dice.chance(*percent)) {
        drill(&mut scene);
        return scene.finish();
    }
    if index >= ONE_KIND.0 && scene.dice.chance(ONE_KIND.1) {
        quiz_of_one_kind(&mut scene);
        return scene.finish();
    }
    let weights: Vec<u32> = MIX.iter().map(|(weight, _)| *weight).collect();
    let scenario = MIX[scene.dice.weighted(&weights)].1;
    scenario(&mut scene);
    scene.finish()
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
        units = scene.distractors(&fact, 5);
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
        scene.distractors(&fact, 5)
    } else {
        Vec::new()
    };
    scene.user(units, &note);
    scene.assistant(NOTED);
}

/// A question whose answer is among the memories.
fn recall(scene: &mut Scene) {
    ask_recalled(scene);
    follow_up(scene);
}

fn ask_recalled(scene: &mut Scene) -> Told {
    let fact = scene.world.fact(&mut scene.dice);
    let statement = scene.said(&fact);
    let mut units = scene.distractors(&fact, 5);
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
    let mut units = scene.distractors(&fact, 5);
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
        scene.distractors(fact, 5)
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
    let mut units = scene.distractors(&fact, 4);
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
    follow_up(scene);
}

/// A question that nothing answers.
fn unknown(scene: &mut Scene) {
    ask_unknown(scene);
    follow_up(scene);
}

/// Returns what was asked, and by which form.
fn ask_unknown(scene: &mut Scene) -> (Fact, usize) {
    let fact = scene.world.fact(&mut scene.dice);
    let units = scene.useless(&fact, 5);
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
    let mut units = scene.distractors(&first, 3);
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
        scene.useless(&fact, 5)
    } else {
        Vec::new()
    };
    scene.user(units, &words);
    let reply = scene.dice.pick(replies);
    scene.assistant(reply);
}
