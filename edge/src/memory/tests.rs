use std::sync::Arc;

use shared::chat::{Message, Role};
use shared::clock::{Clock, ManualClock, Timestamp};
use shared::example::Example;
use tempfile::TempDir;

use super::embedder::HashedWords;
use super::episode::{Feedback, Given, Intent, ItemId, NewEpisode, Source, Verdict};
use super::query::{Filter, Query, SearchPath, Why};
use super::record::Pin;
use super::report::{DryRun, ExportOptions, Exported, Progress, Repair};
use super::store::StoreError;
use super::*;

/// 2026-03-12T09:30:00Z.
const START: Timestamp = Timestamp::from_millis(1_773_307_800_000);
const DAY_MS: i64 = 86_400_000;

/// A memory in a folder of its own, with a clock that stands still.
struct World {
    folder: TempDir,
    clock: Arc<ManualClock>,
    memory: Memory,
    session: SessionId,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let memory = open(&folder, &clock);
        let session = memory.new_session("").unwrap();
        Self {
            folder,
            clock,
            memory,
            session,
        }
    }

    fn said(&self, text: &str) -> Appended {
        self.clock.advance(std::time::Duration::from_secs(1));
        let episode = NewEpisode::said(self.session, Source::Chat, text);
        self.memory.append(episode).unwrap()
    }

    fn answered(&self, text: &str, given: Vec<Given>) -> EpisodeId {
        let episode = NewEpisode {
            role: Role::Assistant,
            model: Some("nano".into()),
            given,
            ..NewEpisode::said(self.session, Source::Chat, text)
        };
        self.memory.append(episode).unwrap().episode
    }

    fn reopen(self) -> Self {
        let Self {
            folder,
            clock,
            memory,
            session,
        } = self;
        drop(memory);
        let memory = open(&folder, &clock);
        Self {
            folder,
            clock,
            memory,
            session,
        }
    }
}

fn open(folder: &TempDir, clock: &Arc<ManualClock>) -> Memory {
    try_open(folder.path(), clock).unwrap()
}

fn try_open(folder: &Path, clock: &Arc<ManualClock>) -> Result<Memory, MemoryError> {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Memory::open(
        folder,
        Arc::new(HashedWords::new(32)),
        clock,
        Options::default(),
    )
}

fn given(item: ItemId) -> Given {
    Given {
        item,
        score: 1.5,
        why: Why {
            lexical: 1.0,
            dense: 0.5,
            ..Why::default()
        },
    }
}

#[test]
fn what_was_said_is_there_after_opening_again() {
    let world = World::new();
    let told = world.said("The boiler is a Vaillant");
    let answer = world.answered("Noted.", vec![given(ItemId::Episode(told.episode))]);
    let world = world.reopen();

    let episodes = world.memory.session_episodes(world.session).unwrap();
    let texts: Vec<&str> = episodes.iter().map(|e| e.text.as_str()).collect();
    assert_eq!(texts, ["The boiler is a Vaillant", "Noted."]);
    assert_eq!(episodes[1].id, answer);
    assert_eq!(episodes[1].model.as_deref(), Some("nano"));
    assert_eq!(episodes[1].given, [given(ItemId::Episode(told.episode))]);
    assert_eq!(world.memory.last_answer(None).unwrap().unwrap().id, answer);
}

#[test]
fn identifiers_grow_although_the_clock_goes_back() {
    let world = World::new();
    let first = world.said("one").episode;
    world.clock.set(START.plus_millis(-400 * DAY_MS));
    let second = world.said("two").episode;
    let third = world.said("three").episode;
    assert!(first < second && second < third);
    let session = world.memory.new_session("later").unwrap();
    assert!(session > world.session);
    assert_eq!(
        world.memory.session_episodes(world.session).unwrap().len(),
        3
    );
}

#[test]
fn one_program_opens_a_folder_once() {
    let world = World::new();
    let again = try_open(world.folder.path(), &world.clock);
    assert!(matches!(
        again,
        Err(MemoryError::Store(StoreError::AlreadyOpen { .. }))
    ));
}

#[test]
fn the_folder_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a/memory");
    let clock = Arc::new(ManualClock::new(START));
    let memory = try_open(&folder, &clock).unwrap();
    let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("data.mdb")), 0o600);
    drop(memory);
}

#[test]
fn feedback_reaches_the_answer_and_its_example() {
    let world = World::new();
    let asked = world.said("Where does Maya live?").episode;
    let answer = world.answered("In Lisbon.", Vec::new());
    let prompt = [Message::new(Role::User, "Where does Maya live?")];
    let id = world
        .memory
        .finish_turn(asked, answer, &prompt, &[])
        .unwrap();
    world
        .memory
        .feedback(answer, Feedback::Correction("In Porto.".into()))
        .unwrap();
    world.memory.feedback(answer, Feedback::Bad).unwrap();

    let verdict = world.memory.episode(answer).unwrap().unwrap().verdict;
    assert_eq!(
        verdict,
        Verdict {
            rating: Some(1),
            correction: Some("In Porto.".into())
        }
    );
    let examples: Vec<Example> = world.memory.examples().unwrap();
    assert_eq!(examples.len(), 1);
    assert_eq!(examples[0].id, id);
    assert_eq!(examples[0].rating, Some(1));
    assert_eq!(examples[0].corrected.as_deref(), Some("In Porto."));
    assert_eq!(examples[0].episodes, [asked, answer]);
}

#[test]
fn a_rating_of_nine_is_refused() {
    let world = World::new();
    let answer = world.answered("Yes.", Vec::new());
    let refused = world.memory.feedback(answer, Feedback::Rating(9));
    assert!(matches!(refused, Err(MemoryError::Rating { found: 9 })));
}

#[test]
fn an_item_is_found_by_a_unique_ending() {
    let world = World::new();
    let episode = world.said("hello there").episode;
    let name = episode.to_string();
    assert_eq!(
        world.memory.find(&name[18..].to_lowercase()).unwrap(),
        ItemId::Episode(episode)
    );
    let short = world.memory.find(&name[23..]);
    assert!(matches!(short, Err(MemoryError::Unknown { .. })));
    let wrong = world.memory.find("0000000");
    assert!(matches!(wrong, Err(MemoryError::Unknown { .. })));
}

#[test]
fn forgetting_an_episode_takes_its_answers_and_examples_with_it() {
    let world = World::new();
    let kept = world.said("The cat is called Miso").episode;
    let told = world.said("The gate opens with heron").episode;
    let answer = world.answered("With heron.", vec![given(ItemId::Episode(told))]);
    let prompt = [Message::new(Role::User, "How does the gate open?")];
    let example = world
        .memory
        .finish_turn(kept, answer, &prompt, &[ItemId::Episode(told)])
        .unwrap();

    let receipt = world.memory.forget(ItemId::Episode(told)).unwrap();

    assert_eq!(receipt.episodes, [told, answer]);
    assert_eq!(receipt.examples, [example]);
    assert!(receipt.vectors >= 1 && receipt.postings >= 2, "{receipt:?}");
    assert_eq!(world.memory.episode(told).unwrap(), None);
    assert_eq!(world.memory.examples().unwrap(), []);
    let left = world.memory.session_episodes(world.session).unwrap();
    assert_eq!(left.iter().map(|e| e.id).collect::<Vec<_>>(), [kept]);
}

#[test]
fn a_text_past_the_limit_is_refused_and_one_below_is_kept() {
    let world = World::new();
    let long = "word ".repeat(200_000);
    let kept = world.said(&long).episode;
    assert_eq!(world.memory.episode(kept).unwrap().unwrap().text, long);
    let longer = "x".repeat(learn::MAX_TEXT_BYTES + 1);
    let refused = world
        .memory
        .append(NewEpisode::said(world.session, Source::Chat, longer));
    assert!(matches!(refused, Err(MemoryError::TooLong { .. })));
}

#[test]
fn control_characters_and_bidirectional_marks_are_kept_as_they_are() {
    let world = World::new();
    let text = "a\u{202e}b\u{7}\0\r\nc";
    let kept = world.said(text).episode;
    assert_eq!(world.memory.episode(kept).unwrap().unwrap().text, text);
}

#[test]
fn what_is_asked_to_be_remembered_can_be_pinned_and_used() {
    let world = World::new();
    let appended = world
        .memory
        .append(NewEpisode {
            intent: Intent::Remember,
            ..NewEpisode::said(
                world.session,
                Source::Command,
                "My sister Maya lives in Lisbon",
            )
        })
        .unwrap();
    let Some(id) = appended.memories.first().copied() else {
        // Extraction is tested where it lives.
        return;
    };
    world.memory.pin(id, Pin::On).unwrap();
    world.memory.note_use(&[ItemId::Memory(id)]).unwrap();
    let memory = world.memory.memory(id).unwrap().unwrap();
    assert!(memory.pinned);
    assert_eq!(memory.uses, 1);
    assert_eq!(memory.last_use, Some(world.clock.now()));
    assert_eq!(world.memory.memories(&Filter::default()).unwrap(), [memory]);
}

fn texts(world: &World, question: &str) -> Vec<String> {
    let query = Query::new(question, world.clock.now());
    let recall = world.memory.recall(&query).unwrap();
    recall.hits.into_iter().map(|hit| hit.text).collect()
}

#[test]
fn what_was_said_is_recalled_and_what_was_asked_is_not() {
    let world = World::new();
    world.said("The boiler is a Vaillant from 2019");
    world.said("What kind of boiler is it?");
    world.said("Miso sleeps on the printer");
    let query = Query::new("Which boiler do I have?", world.clock.now());
    let recall = world.memory.recall(&query).unwrap();
    assert_eq!(recall.hits[0].text, "The boiler is a Vaillant from 2019");
    assert!(recall.hits.iter().all(|hit| !hit.text.ends_with('?')));
    assert_eq!(recall.path, SearchPath::Scan);
    let nothing = Query::new("volcano eruptions", world.clock.now());
    let nothing = world.memory.recall(&nothing).unwrap();
    assert!(nothing.confidence < recall.confidence);
}

#[test]
fn what_another_process_writes_and_forgets_is_seen() {
    let world = World::new();
    let twin = Memory::over(
        Arc::clone(&world.memory.store),
        Arc::new(HashedWords::new(32)),
        Arc::clone(&world.clock) as Arc<dyn Clock>,
        Options::default(),
    )
    .unwrap();
    let query = Query::new("boiler", world.clock.now());
    assert_eq!(twin.recall(&query).unwrap().hits, []);
    let told = world.said("The boiler is a Vaillant").episode;
    world.said("The boiler man is called Otto");
    assert_eq!(twin.recall(&query).unwrap().hits.len(), 2);
    world.memory.forget(ItemId::Episode(told)).unwrap();
    let hits = twin.recall(&query).unwrap().hits;
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].text, "The boiler man is called Otto");
}

#[test]
fn what_the_asker_sees_already_is_left_out() {
    let world = World::new();
    let first = world.said("The boiler is a Vaillant").episode;
    let second = world.said("The boiler man is called Otto").episode;
    let query = Query {
        exclude: vec![first],
        ..Query::new("boiler", world.clock.now())
    };
    let hits = world.memory.recall(&query).unwrap().hits;
    assert_eq!(
        hits.iter().map(|hit| hit.episode).collect::<Vec<_>>(),
        [second]
    );
}

#[test]
fn answers_made_from_memory_are_not_recalled() {
    let world = World::new();
    let told = world.said("The boiler is a Vaillant").episode;
    world.answered(
        "Your boiler is a Vaillant.",
        vec![given(ItemId::Episode(told))],
    );
    assert_eq!(texts(&world, "boiler"), ["The boiler is a Vaillant"]);
}

#[test]
fn a_filter_by_time_and_source_keeps_the_rest_out() {
    let world = World::new();
    world.said("The old boiler was a Junkers");
    let later = world.clock.now().plus_millis(DAY_MS);
    world.clock.set(later);
    world.said("The new boiler is a Vaillant");
    let mut query = Query::new("boiler", world.clock.now());
    query.filter.since = Some(later);
    let hits = world.memory.recall(&query).unwrap().hits;
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].text, "The new boiler is a Vaillant");
    query.filter.source = Some(Source::Note);
    assert_eq!(world.memory.recall(&query).unwrap().hits, []);
}

#[test]
fn a_fresh_memory_and_a_used_one_verify_clean() {
    let world = World::new();
    assert_eq!(world.memory.verify(Repair::No).unwrap().faults, []);
    let told = world
        .said("My sister Maya lives in Lisbon. The boiler is a Vaillant.")
        .episode;
    let asked = world.said("Where does Maya live?").episode;
    let answer = world.answered("In Lisbon.", vec![given(ItemId::Episode(told))]);
    world
        .memory
        .finish_turn(asked, answer, &[], &[ItemId::Episode(told)])
        .unwrap();
    world.said(&"A long story about nothing in particular. ".repeat(100));
    let report = world.memory.verify(Repair::No).unwrap();
    assert_eq!(report.faults, []);
    assert!(report.checked > 30);
    world.memory.forget(ItemId::Episode(told)).unwrap();
    assert_eq!(world.memory.verify(Repair::No).unwrap().faults, []);
}

#[test]
fn lost_derived_tables_are_found_and_built_anew() {
    let world = World::new();
    world.said("My sister Maya lives in Lisbon");
    world.said("The boiler is a Vaillant");
    let before = texts(&world, "boiler");
    for table in [
        "postings",
        "vectors",
        "codes",
        "slots",
        "session_episodes",
        "passages",
    ] {
        world.memory.store.clear_table(table);
        let found = world.memory.verify(Repair::No).unwrap();
        assert!(!found.is_clean(), "{table} is gone and nobody noticed");
        let mended = world.memory.verify(Repair::Yes).unwrap();
        assert!(mended.is_clean(), "{table}: {mended:?}");
        assert_eq!(
            world.memory.verify(Repair::No).unwrap().faults,
            [],
            "{table}"
        );
        assert_eq!(texts(&world, "boiler"), before, "{table}");
    }
}

#[test]
fn another_embedder_never_meets_the_vectors_of_the_first() {
    let world = World::new();
    for word in [
        "boiler", "gate", "printer", "window", "lamp", "table", "door", "chair",
    ] {
        world.said(&format!("The {word} is green"));
    }
    let World {
        folder,
        clock,
        memory,
        ..
    } = world;
    drop(memory);
    let memory = Memory::open(
        folder.path(),
        Arc::new(HashedWords::new(48)),
        Arc::clone(&clock) as Arc<dyn Clock>,
        Options::default(),
    )
    .unwrap();
    let query = Query::new("boiler", clock.now());
    let by_words = memory.recall(&query).unwrap();
    assert_eq!(by_words.hits[0].text, "The boiler is green");
    assert_eq!(memory.stats().unwrap().unembedded, 8);
    assert_eq!(
        memory.reembed_step(3).unwrap(),
        Progress { done: 3, left: 5 }
    );
    memory.reembed_all();
    let stats = memory.stats().unwrap();
    assert_eq!((stats.unembedded, stats.dimensions), (0, 48));
    assert_eq!(memory.verify(Repair::No).unwrap().faults, []);
    assert!(memory.recall(&query).unwrap().hits[0].why.dense > 0.0);
}

#[test]
fn compaction_keeps_everything_and_gives_room_back() {
    let world = World::new();
    let mut told = Vec::new();
    for n in 0..200 {
        told.push(
            world
                .said(&format!("Note {n}: {}", "words and words ".repeat(40)))
                .episode,
        );
    }
    for id in &told[..150] {
        world.memory.forget(ItemId::Episode(*id)).unwrap();
    }
    let compacted = world.memory.compact().unwrap();
    assert!(
        compacted.after_bytes < compacted.before_bytes,
        "{compacted:?}"
    );
    assert_eq!(
        world.memory.session_episodes(world.session).unwrap().len(),
        50
    );
    let more = world.said("The boiler is a Vaillant").episode;
    assert_eq!(texts(&world, "boiler")[0], "The boiler is a Vaillant");
    assert_eq!(world.memory.verify(Repair::No).unwrap().faults, []);
    let world = world.reopen();
    assert!(world.memory.episode(more).unwrap().is_some());
}

#[test]
fn a_sealed_archive_answers_with_what_came_after_and_without_what_is_gone() {
    let world = World::new();
    let topics = ["boiler", "bicycle", "tomato", "piano", "passport", "tent"];
    let told: Vec<_> = (0..300)
        .map(|n| {
            let topic = topics[n % topics.len()];
            world
                .said(&format!("Number {n} speaks of the {topic}"))
                .episode
        })
        .collect();
    assert_eq!(world.memory.seal(301).unwrap(), None, "too few to seal");
    assert_eq!(world.memory.seal(300).unwrap(), Some(300));
    assert_eq!(world.memory.stats().unwrap().path, SearchPath::Segments);
    assert_eq!(world.memory.seal(1).unwrap(), None, "sealed just now");

    world.memory.forget(ItemId::Episode(told[0])).unwrap();
    let late = world.said("The boiler has a new valve").episode;
    let world = world.reopen();
    let mut query = Query::new("boiler", world.clock.now());
    query.limit = 100;
    let recall = world.memory.recall(&query).unwrap();
    assert_eq!(recall.path, SearchPath::Segments);
    let found: Vec<_> = recall.hits.iter().map(|hit| hit.episode).collect();
    assert!(found.contains(&late) && !found.contains(&told[0]));
    assert!(found.contains(&told[6]), "{found:?}");

    let mut files = fs_err::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let graph = files
        .find(|path| path.extension().is_some_and(|e| e == "graph"))
        .unwrap();
    let mut bytes = fs_err::read(&graph).unwrap();
    bytes[100] ^= 1;
    fs_err::write(&graph, bytes).unwrap();
    let world = world.reopen();
    assert_eq!(world.memory.recall(&query).unwrap().path, SearchPath::Scan);
    assert!(!graph.exists(), "a damaged graph is deleted");
}

fn exported(memory: &Memory, sensitive: bool) -> (String, Exported) {
    let mut out = Vec::new();
    let done = memory
        .export(&mut out, ExportOptions { sensitive })
        .unwrap();
    (String::from_utf8(out).unwrap(), done)
}

#[test]
fn what_replaces_a_fact_closes_it_and_both_stay_inspectable() {
    let world = World::new();
    let old = world.said("My sister Maya lives in Lisbon").memories[0];
    let moved = world.said("Maya moved to Porto");
    assert_eq!(moved.superseded, [old]);
    let old = world.memory.memory(old).unwrap().unwrap();
    assert_eq!(old.successor, Some(moved.memories[0]));
    assert!(old.valid_until.is_some());

    let told = texts(&world, "Where does Maya live now?");
    assert!(told[0].contains("Porto"), "{told:?}");
    assert!(told.iter().all(|text| !text.contains("Lisbon")), "{told:?}");
    let before = texts(&world, "Where did Maya live before?");
    assert!(
        before.iter().any(|text| text.contains("Lisbon")),
        "{before:?}"
    );
    assert_eq!(world.memory.verify(Repair::No).unwrap().faults, []);
}

#[test]
fn a_correction_closes_what_it_corrects() {
    let world = World::new();
    let old = world.said("My sister Maya lives in Lisbon").memories[0];
    let right = world.memory.correct(old, "Maya lives in Faro").unwrap();
    assert_eq!(right.superseded, [old]);
    let told = texts(&world, "Where does Maya live?");
    assert!(told[0].contains("Faro"), "{told:?}");
}

#[test]
fn what_holds_now_answers_for_what_it_replaced() {
    let world = World::new();
    let old = world.said("My sister Clara lives in Lisbon").episode;
    world.said("Clara moved to Porto");
    let told = "My sister Clara lives in Lisbon";
    assert_eq!(
        texts(&world, "Where does my sister live?"),
        ["Clara moved to Porto", told]
    );
    assert_eq!(
        texts(&world, "Where does Clara live?"),
        ["Clara moved to Porto"]
    );
    world.said("Clara moved to Faro");
    let query = Query::new("Where does my sister live?", world.clock.now());
    let hits = world.memory.recall(&query).unwrap().hits;
    let shown: Vec<_> = hits.iter().map(|hit| (&*hit.text, hit.holds)).collect();
    assert_eq!(shown, [("Clara moved to Faro", true), (told, false)]);
    let before = texts(&world, "Where did my sister live before?");
    assert_eq!(before[0], "My sister Clara lives in Lisbon");
    // What told that Clara is the sister is forgotten, and nothing tells it any more.
    world.memory.forget(ItemId::Episode(old)).unwrap();
    let query = Query::new("Where does my sister live?", world.clock.now());
    let recall = world.memory.recall(&query).unwrap();
    let surely = recall.hits.iter().filter(|hit| hit.why.lexical > 0.0);
    assert_eq!(surely.count(), 0, "{recall:?}");
}

#[test]
fn what_the_asker_may_not_see_answers_for_nothing() {
    let world = World::new();
    world.said("My sister Clara lives in Lisbon");
    let new = world.said("Clara moved to Porto").episode;
    let told = |query: &Query| world.memory.recall(query).unwrap().hits.len();
    let query = Query::new("Where does my sister live?", world.clock.now());
    assert_eq!(told(&query), 2);
    let seen = Query {
        exclude: vec![new],
        ..query.clone()
    };
    assert_eq!(told(&seen), 0);
    let mut elsewhere = query;
    elsewhere.filter.source = Some(Source::Note);
    assert_eq!(told(&elsewhere), 0);
}

#[test]
fn an_export_of_everything_makes_an_equal_memory_and_a_second_import_changes_nothing() {
    let world = World::new();
    let told = world.said("My sister Maya lives in Lisbon").episode;
    world.said("Maya moved to Porto");
    world.said("My bike lock code is 4711");
    let asked = world.said("Where does Maya live?").episode;
    let answer = world.answered("In Porto.", vec![given(ItemId::Episode(told))]);
    world
        .memory
        .finish_turn(asked, answer, &[], &[ItemId::Episode(told)])
        .unwrap();
    world.memory.feedback(answer, Feedback::Good).unwrap();
    let gone = world.said("The gate opens with heron").episode;
    world.memory.forget(ItemId::Episode(gone)).unwrap();
    let (lines, done) = exported(&world.memory, true);
    assert_eq!(
        (done.left_out, done.lines),
        (0, lines.lines().count() as u64 - 1)
    );

    let other = tempfile::tempdir().unwrap();
    let other = try_open(other.path(), &world.clock).unwrap();
    let imported = other.import(&mut lines.as_bytes()).unwrap();
    assert_eq!((imported.added, imported.known), (done.lines, 0));
    assert_eq!(exported(&other, true).0, lines);
    assert_eq!(other.verify(Repair::No).unwrap().faults, []);
    let again = other.import(&mut lines.as_bytes()).unwrap();
    assert_eq!((again.added, again.known), (0, done.lines));
    assert_eq!(exported(&other, true).0, lines);
}

#[test]
fn sensitive_words_leave_only_when_asked_for() {
    let world = World::new();
    world.said("My sister Maya lives in Lisbon");
    let code = world.said("My bike lock code is 4711");
    assert!(code.sensitive);
    let (lines, done) = exported(&world.memory, false);
    assert!(!lines.contains("4711"), "{lines}");
    assert!(lines.contains("Lisbon"));
    assert!(done.left_out >= 1);
    assert!(
        lines
            .lines()
            .next()
            .unwrap()
            .contains(&format!("\"left_out\":{}", done.left_out))
    );
    let mut query = Query::new("What is my lock code?", world.clock.now());
    let shown = world.memory.recall(&query).unwrap().hits;
    assert!(shown[0].text.contains("4711") && shown[0].sensitive);
    query.filter.include_sensitive = false;
    let hidden = world.memory.recall(&query).unwrap().hits;
    assert!(hidden.iter().all(|hit| !hit.text.contains("4711")));
}

#[test]
fn what_was_forgotten_does_not_come_back_by_an_import() {
    let world = World::new();
    let gone = world.said("The gate opens with heron").episode;
    world.said("The cat is called Miso");
    let (lines, _) = exported(&world.memory, true);
    world.memory.forget(ItemId::Episode(gone)).unwrap();
    let imported = world.memory.import(&mut lines.as_bytes()).unwrap();
    assert!(imported.forgotten >= 1, "{imported:?}");
    assert_eq!(world.memory.episode(gone).unwrap(), None);
    let again = world.said("The gate opens with heron").episode;
    assert!(world.memory.episode(again).unwrap().is_some());
}

#[test]
fn tombstones_of_a_memory_that_forgot_as_well_are_counted() {
    let one = World::new();
    let mut other = World::new();
    let elsewhere = tempfile::tempdir().unwrap();
    // A memory made at another instant has a salt of its own.
    other.clock.advance(std::time::Duration::from_secs(1));
    other.memory = open(&elsewhere, &other.clock);
    for world in [&one, &other] {
        let gone = world.said("The gate opens with heron").episode;
        world.memory.forget(ItemId::Episode(gone)).unwrap();
    }
    let (lines, _) = exported(&one.memory, true);
    let imported = other.memory.import(&mut lines.as_bytes()).unwrap();
    let tombstones = lines.matches("\"tombstone\"").count() as u64;
    assert!(tombstones > 0, "{lines}");
    assert_eq!(imported.tombstones_skipped, tombstones);
    let again = one.memory.import(&mut lines.as_bytes()).unwrap();
    assert_eq!(again.tombstones_skipped, 0);
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    let world = World::new();
    let refused = world.memory.import(&mut "{}".as_bytes());
    assert!(matches!(refused, Err(MemoryError::Line { number: 1, .. })));
    let (mut lines, _) = exported(&world.memory, true);
    lines.push_str("{\"memory\":3}\n");
    let number = lines.lines().count() as u64;
    let refused = world.memory.import(&mut lines.as_bytes());
    assert!(matches!(refused, Err(MemoryError::Line { number: n, .. }) if n == number));
}

#[test]
fn thirty_days_of_talk_stay_within_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let options = Options {
        policy: retain::Policy {
            max_items: 60,
            ..retain::Policy::default()
        },
        ..Options::default()
    };
    let memory = Memory::open(
        folder.path(),
        Arc::new(HashedWords::new(32)),
        Arc::clone(&clock) as Arc<dyn Clock>,
        options,
    )
    .unwrap();
    let session = memory.new_session("").unwrap();
    let mut used = Vec::new();
    for day in 0..30 {
        let turns = (0..20).map(|n| {
            let text = format!("On day {day} thing {n} happened in the garden");
            NewEpisode::said(session, Source::Chat, text)
        });
        memory.append_all(turns.collect()).unwrap();
        clock.set(clock.now().plus_millis(DAY_MS));
        let planned = memory.prune(DryRun::Yes).unwrap();
        assert_eq!(memory.prune(DryRun::No).unwrap(), planned);
        assert!(memory.stats().unwrap().episodes <= 60);
        used.push(memory.stats().unwrap().used_bytes);
    }
    assert!(used[29] <= used[9] * 2, "{used:?}");
    assert_eq!(memory.verify(Repair::No).unwrap().faults, []);
}

#[test]
fn what_answers_were_made_from_is_kept_longer() {
    let world = World::new();
    let told = ["blue ladder", "green ladder"].map(|what| {
        let text = format!("The {what} leans behind the shed");
        ItemId::Episode(world.said(&text).episode)
    });
    world.answered("Behind the shed.", vec![given(told[1])]);
    let items = world.memory.prunable().unwrap();
    let importance = |id| {
        items
            .iter()
            .find(|item| item.id == id)
            .map(|item| item.importance)
    };
    assert!(importance(told[1]) > importance(told[0]));
}
