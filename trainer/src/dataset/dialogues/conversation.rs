//! Conversations of several turns, where the history answers.

use super::scene::{Scene, Told, Unit};
use super::{ask_recalled, ask_unknown, chat};
use crate::dataset::facts::{Fact, Speaker, Statement};
use crate::dataset::values::capitalised;

/// A conversation takes no further turn beyond this many bytes, about 500 tokens.
const CONVERSATION_BYTES: usize = 1_300;

/// Ways in which a conversation ends.
const ENDINGS: usize = 4;

/// Further questions about what was shown beside the first, answered from the history.
pub(super) fn follow_up(scene: &mut Scene) {
    let count = scene.dice.weighted(&[20, 20, 30, 30]);
    let mut beside = std::mem::take(&mut scene.beside);
    scene.dice.shuffle(&mut beside);
    for told in beside.iter().take(count) {
        if scene.bytes() > CONVERSATION_BYTES {
            break;
        }
        if scene.dice.chance(20) {
            let fact = scene.world.near(&mut scene.dice, &told.fact);
            let form = scene.any_form(&fact);
            let question = fact.question(&mut scene.dice, form, false);
            scene.user(Vec::new(), &question);
            scene.assistant(fact.decline(form));
        } else {
            ask(scene, told, Vec::new());
        }
    }
}

/// Two to four facts told, then each of them asked; mostly without the system prompt.
pub(super) fn drill(scene: &mut Scene) {
    if scene.dice.chance(85) {
        scene.messages.clear();
    }
    let mut known = Vec::new();
    for _ in 0..2 + scene.dice.below(3) {
        known.push(tell_plainly(scene));
    }
    scene.dice.shuffle(&mut known);
    for told in &known {
        ask(scene, told, Vec::new());
    }
}

/// Two to eight turns; what was told or recalled stays in the history.
pub(super) fn conversation(scene: &mut Scene) {
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
    for _ in 0..if known.is_empty() { 0 } else { ENDINGS } {
        scene.ending(|scene| match scene.dice.weighted(&[72, 20, 8]) {
            0 => ask_back(scene, &known),
            1 => {
                ask_unknown(scene);
            }
            _ => chat(scene),
        });
    }
}

fn tell_more(scene: &mut Scene, known: &mut Vec<Told>) {
    let told = if scene.dice.chance(25) {
        let fact = scene.world.fact(&mut scene.dice);
        let units = scene.useless(&fact, 5);
        tell(scene, fact, units)
    } else {
        tell_plainly(scene)
    };
    known.push(told);
}

fn tell_plainly(scene: &mut Scene) -> Told {
    let fact = scene.world.fact(&mut scene.dice);
    tell(scene, fact, Vec::new())
}

fn tell(scene: &mut Scene, fact: Fact, units: Vec<Unit>) -> Told {
    let statement = fact.statement(&mut scene.dice);
    scene.user(units, &statement.text);
    scene.assistant(fact.confirmation(&statement));
    Told {
        fact,
        form: statement.form,
        changed: false,
        text: statement.text,
    }
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
        units = scene.useless(&told.fact, 3);
    }
    let share = [0, 0, 40, 90][scene.dice.below(4)];
    for other in known {
        if scene.dice.chance(share) {
            units.push(vec![other.text.clone()]);
        }
    }
    ask(scene, told, units);
}

fn ask(scene: &mut Scene, told: &Told, units: Vec<Unit>) {
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
