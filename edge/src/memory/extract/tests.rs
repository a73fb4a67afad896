use proptest::prelude::*;

use super::*;

fn context() -> Context {
    // Friday, 2026-11-20.
    Context {
        role: Role::User,
        said_at: Timestamp::from_millis(1_795_168_800_000),
        zone: TimeZone::UTC,
    }
}

fn drafts(text: &str) -> Vec<Draft> {
    extract(text, &context())
}

fn one(text: &str) -> Draft {
    let drafts = drafts(text);
    assert_eq!(drafts.len(), 1, "{text}: {drafts:?}");
    drafts.into_iter().next().unwrap()
}

fn slot(draft: &Draft) -> Slot {
    Slot {
        subject: draft.subject.clone(),
        attribute: draft.attribute.clone(),
        value: draft.value.clone(),
    }
}

/// What is said, and the kind, subject, attribute and value it yields.
const STATEMENTS: &[(&str, Kind, &str, &str, &str)] = &[
    ("My name is Ana", Kind::Identity, "i", "name", "ana"),
    ("Hi, I'm Ana.", Kind::Identity, "i", "name", "ana"),
    (
        "Call me Ana Maria",
        Kind::Identity,
        "i",
        "name",
        "ana maria",
    ),
    ("I am a nurse", Kind::Identity, "i", "is a", "nurse"),
    ("I'm vegetarian", Kind::Identity, "i", "is", "vegetarian"),
    (
        "I'm allergic to peanuts",
        Kind::Identity,
        "i",
        "is allergic to",
        "peanuts",
    ),
    ("I'm 34 years old", Kind::Identity, "i", "age", "34"),
    (
        "I work at the harbour",
        Kind::Identity,
        "i",
        "works at",
        "harbour",
    ),
    ("I work as a baker", Kind::Identity, "i", "job", "baker"),
    (
        "My email is ana@example.org",
        Kind::Identity,
        "i",
        "email",
        "ana@example.org",
    ),
    ("my shoe size is 39", Kind::Identity, "i", "shoe size", "39"),
    ("I live in Lisbon", Kind::Place, "i", "lives in", "lisbon"),
    (
        "We moved to Porto last year",
        Kind::Place,
        "i",
        "lives in",
        "porto",
    ),
    (
        "I just moved from Lisbon to Porto!",
        Kind::Place,
        "i",
        "lives in",
        "porto",
    ),
    (
        "My sister Maya lives in Lisbon",
        Kind::Place,
        "sister maya",
        "lives in",
        "lisbon",
    ),
    (
        "My sister, Maya, lives in Lisbon.",
        Kind::Place,
        "sister maya",
        "lives in",
        "lisbon",
    ),
    (
        "Maya moved to Porto",
        Kind::Place,
        "maya",
        "lives in",
        "porto",
    ),
    (
        "maya has moved to porto now",
        Kind::Place,
        "maya",
        "lives in",
        "porto",
    ),
    (
        "My brother Tom works at the airport",
        Kind::Relation,
        "brother tom",
        "works at",
        "airport",
    ),
    (
        "My cat is called Miso",
        Kind::Relation,
        "cat",
        "name",
        "miso",
    ),
    (
        "I have a dog named Rex",
        Kind::Relation,
        "dog",
        "name",
        "rex",
    ),
    (
        "My sister's name is Maya",
        Kind::Relation,
        "sister",
        "name",
        "maya",
    ),
    (
        "Maya is my sister",
        Kind::Relation,
        "maya",
        "is my",
        "sister",
    ),
    (
        "I love hiking in the hills",
        Kind::Preference,
        "i",
        "likes",
        "hiking in the hills",
    ),
    (
        "I really like green tea.",
        Kind::Preference,
        "i",
        "likes",
        "green tea",
    ),
    (
        "I hate coriander",
        Kind::Preference,
        "i",
        "dislikes",
        "coriander",
    ),
    (
        "I don't like coffee",
        Kind::Preference,
        "i",
        "dislikes",
        "coffee",
    ),
    (
        "I prefer trains to planes",
        Kind::Preference,
        "i",
        "prefers",
        "trains to planes",
    ),
    (
        "My favourite colour is green",
        Kind::Preference,
        "i",
        "favourite colour",
        "green",
    ),
    (
        "My favorite ice cream is pistachio",
        Kind::Preference,
        "i",
        "favourite ice cream",
        "pistachio",
    ),
    (
        "Maya's favourite band is Blur",
        Kind::Preference,
        "maya",
        "favourite band",
        "blur",
    ),
    (
        "Lisbon is my favourite city",
        Kind::Preference,
        "i",
        "favourite city",
        "lisbon",
    ),
    (
        "I love green tea, it's so fresh",
        Kind::Preference,
        "i",
        "likes",
        "green tea",
    ),
    (
        "I'm a huge fan of jazz",
        Kind::Preference,
        "i",
        "likes",
        "jazz",
    ),
    ("Tom loves chess", Kind::Preference, "tom", "likes", "chess"),
    ("My birthday is 3 May", Kind::Date, "i", "birthday", "3 may"),
    (
        "My sister's birthday is on 12 June",
        Kind::Date,
        "sister",
        "birthday",
        "12 june",
    ),
    (
        "The dentist is on 3 May at 10:30",
        Kind::Date,
        "dentist",
        "is on",
        "3 may at 10:30",
    ),
    (
        "I have a dentist appointment tomorrow at 9",
        Kind::Date,
        "dentist appointment",
        "is on",
        "2026-11-21 at 9",
    ),
    (
        "The meeting was moved to Monday",
        Kind::Date,
        "meeting",
        "is on",
        "2026-11-23",
    ),
    ("My bike is blue", Kind::Belonging, "bike", "is", "blue"),
    ("My car is a Volvo", Kind::Belonging, "car", "is a", "volvo"),
    (
        "I have a red canoe",
        Kind::Belonging,
        "i",
        "has",
        "red canoe",
    ),
    (
        "The spare key is under the pot",
        Kind::Belonging,
        "spare key",
        "is at",
        "under the pot",
    ),
    (
        "I keep my passport in the top drawer",
        Kind::Belonging,
        "passport",
        "is at",
        "in the top drawer",
    ),
    (
        "My bike lock code is 4711",
        Kind::Secret,
        "bike",
        "lock code",
        "4711",
    ),
    (
        "The code for the garage is 12-34",
        Kind::Secret,
        "garage",
        "code",
        "12-34",
    ),
    (
        "my wifi password is hunter2",
        Kind::Secret,
        "wifi",
        "password",
        "hunter2",
    ),
    (
        "My wifi password is swordfish.",
        Kind::Secret,
        "wifi",
        "password",
        "swordfish",
    ),
    (
        "The door code is 4711",
        Kind::Secret,
        "door",
        "code",
        "4711",
    ),
    (
        "Kubernetes is a container orchestrator",
        Kind::Definition,
        "kubernetes",
        "is",
        "container orchestrator",
    ),
    (
        "TTL means time to live",
        Kind::Definition,
        "ttl",
        "means",
        "time to live",
    ),
    ("Меня зовут Анна", Kind::Identity, "i", "name", "анна"),
    (
        "Я живу в Лиссабоне.",
        Kind::Place,
        "i",
        "lives in",
        "лиссабоне",
    ),
    ("Я переехала в Порту", Kind::Place, "i", "lives in", "порту"),
    (
        "Моя сестра Майя живёт в Лиссабоне",
        Kind::Place,
        "сестра майя",
        "lives in",
        "лиссабоне",
    ),
    (
        "Мою кошку зовут Мисо",
        Kind::Relation,
        "кошку",
        "name",
        "мисо",
    ),
    (
        "Я люблю зелёный чай",
        Kind::Preference,
        "i",
        "likes",
        "зеленый чай",
    ),
    (
        "Мой любимый цвет — зелёный",
        Kind::Preference,
        "i",
        "favourite цвет",
        "зеленый",
    ),
    (
        "Мой день рождения 3 мая",
        Kind::Date,
        "i",
        "birthday",
        "3 мая",
    ),
    (
        "Скворец — это птица",
        Kind::Definition,
        "скворец",
        "is",
        "птица",
    ),
    (
        "Код от домофона 4711",
        Kind::Secret,
        "домофона",
        "code",
        "4711",
    ),
    (
        "Пароль от вайфая — солнышко",
        Kind::Secret,
        "вайфая",
        "password",
        "солнышко",
    ),
];

#[test]
fn statements_become_slots() {
    for (text, kind, subject, attribute, value) in STATEMENTS {
        let draft = one(text);
        let read = (
            draft.kind,
            draft.subject.as_str(),
            draft.attribute.as_str(),
            draft.value.as_str(),
        );
        assert_eq!(read, (*kind, *subject, *attribute, *value), "{text}");
        assert_eq!(draft.sensitive, *kind == Kind::Secret, "{text}");
        assert!(!draft.asked, "{text}");
    }
}

#[test]
fn what_states_nothing_yields_nothing() {
    for text in [
        "Where does Maya live?",
        "where does maya live",
        "Is my name Ana?",
        "If I lived in Lisbon I would be happy",
        "Suppose my name is Bob.",
        "I would like a coffee",
        "Maybe I live in a dream",
        "I'm tired",
        "I'm going to the shop",
        "My name is not Bob",
        "It is a nice day",
        "That is the question",
        "She moved to Porto",
        "My sister said she lives in Rome",
        "I have a question",
        "I have to go",
        "I like it",
        "I love the way it looks",
        "Your support means a lot to me",
        "Cooking together is a great way to relax",
        "My day is going well",
        "My family is awesome",
        "Thanks, that was great!",
        "> My name is Bob",
        "\"My name is Bob\" is what he said.",
        "```\nmy name is Bob\n```",
        "Write a poem about my sister",
        "ok",
        "Где живёт Майя?",
        "Если бы я жил в Лиссабоне",
        "The password is wrong",
        "I don't live in Lisbon?",
        "Do you remember my name?",
        "",
    ] {
        assert_eq!(drafts(text), [], "{text}");
    }
}

#[test]
fn only_the_person_is_listened_to() {
    for role in [Role::Assistant, Role::System] {
        let context = Context { role, ..context() };
        assert_eq!(extract("My name is Ana", &context), []);
    }
}

#[test]
fn what_is_asked_for_is_kept_even_if_no_pattern_fits() {
    let draft = one("Remember that the bins go out before eight.");
    assert_eq!((draft.kind, draft.asked), (Kind::Note, true));
    assert_eq!(draft.text, "the bins go out before eight.");
    let draft = one("Please remember that my sister Maya lives in Lisbon");
    assert_eq!((draft.kind, draft.asked), (Kind::Place, true));
    assert_eq!(draft.text, "my sister Maya lives in Lisbon");
    let draft = one("Запомни, что ключ у соседа");
    assert_eq!(
        (draft.kind, draft.text.as_str()),
        (Kind::Note, "ключ у соседа")
    );
}

#[test]
fn several_sentences_yield_several_memories_in_order() {
    let texts: Vec<_> =
        drafts("Hello! My name is Ana and I live in Lisbon. What is new?\nMy cat is called Miso.")
            .into_iter()
            .map(|draft| draft.text)
            .collect();
    assert_eq!(
        texts,
        [
            "My name is Ana",
            "I live in Lisbon.",
            "My cat is called Miso."
        ]
    );
}

#[test]
fn a_new_value_closes_the_old_one_where_only_one_can_hold() {
    for (old, new) in [
        ("I live in Lisbon", "I moved to Porto"),
        ("My sister Maya lives in Lisbon", "Maya moved to Porto"),
        ("Maya lives in Lisbon", "My sister Maya moved to Porto"),
        ("My sister lives in Lisbon", "My sister Maya moved to Porto"),
        (
            "My favourite colour is green",
            "My favourite colour is blue now",
        ),
        ("My bike lock code is 4711", "My bike lock code is 1234"),
        (
            "My wifi password is hunter2",
            "My wifi password is now tiger7",
        ),
        ("My cat is called Miso", "My cat is called Momo"),
        (
            "The dentist is on 3 May at 10:30",
            "The dentist was moved to 5 May",
        ),
        ("My name is Ana", "Call me Anna"),
        (
            "The spare key is under the pot",
            "The spare key is behind the door",
        ),
        ("I like coffee", "I don't like coffee anymore"),
        ("I like coffee", "I hate coffee"),
        ("I live in Lisbon", "I no longer live in Lisbon"),
        ("I have a red canoe", "I sold my red canoe"),
        (
            "Моя сестра Майя живёт в Лиссабоне",
            "Майя переехала в Порту",
        ),
        ("Я живу в Лиссабоне", "Я больше не живу в Лиссабоне"),
    ] {
        assert!(
            supersedes(&one(new), &slot(&one(old))),
            "{new} closes {old}"
        );
        assert!(!repeats(&one(new), &slot(&one(old))), "{new} is not {old}");
    }
}

#[test]
fn what_can_hold_beside_the_old_closes_nothing() {
    for (old, new) in [
        ("I like tea", "I like coffee"),
        ("I have a red canoe", "I have a blue kayak"),
        ("I live in Lisbon", "I live in Lisbon"),
        (
            "My sister Maya lives in Lisbon",
            "My brother Tom moved to Porto",
        ),
        (
            "My sister Maya lives in Lisbon",
            "My sister Ana moved to Porto",
        ),
        ("I live in Lisbon", "Maya moved to Porto"),
        ("My front door code is 1111", "My garage door code is 2222"),
        ("I like coffee", "I hate tea"),
        ("I live in Porto", "I no longer live in Lisbon"),
    ] {
        assert!(
            !supersedes(&one(new), &slot(&one(old))),
            "{new} beside {old}"
        );
    }
}

#[test]
fn saying_it_again_is_a_repetition() {
    assert!(repeats(
        &one("Maya lives in Lisbon!"),
        &slot(&one("My sister Maya lives in Lisbon"))
    ));
    assert!(!repeats(&one("I like tea"), &slot(&one("I like coffee"))));
}

fn texts() -> impl Strategy<Value = String> {
    let known: Vec<String> = STATEMENTS.iter().map(|row| row.0.to_owned()).collect();
    let glue = prop::sample::select(vec![
        ". ",
        "\n",
        "; ",
        " and ",
        ", but ",
        "? ",
        " \"",
        "```\n",
        "Remember that ",
        "> ",
        "…",
    ]);
    let part = prop_oneof![3 => prop::sample::select(known), 1 => "\\PC{0,30}", 1 => "[a-zA-Zа-я ',.—]{0,40}"];
    prop::collection::vec((part, glue), 0..6)
        .prop_map(|parts| parts.into_iter().map(|(part, glue)| part + glue).collect())
}

proptest! {
    #[test]
    fn a_draft_is_part_of_what_was_said(text in texts()) {
        let mut from = 0;
        for draft in drafts(&text) {
            let at = text[from..].find(&draft.text);
            prop_assert!(at.is_some(), "{:?} not in order in {:?}", draft.text, text);
            from += at.unwrap_or_default() + draft.text.len();
            prop_assert_eq!(draft.value.to_lowercase(), draft.value);
            prop_assert!(!draft.text.is_empty() && !draft.attribute.is_empty());
        }
    }

    #[test]
    fn junk_never_panics(text in "\\PC*") {
        let _ = drafts(&text);
    }

    #[test]
    fn nothing_both_repeats_and_closes(old in texts(), new in texts()) {
        for old in drafts(&old) {
            for new in drafts(&new) {
                prop_assert!(!(repeats(&new, &slot(&old)) && supersedes(&new, &slot(&old))));
            }
        }
    }
}
