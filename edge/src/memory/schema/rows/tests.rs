use proptest::prelude::*;

use super::*;

fn session() -> SessionRow {
    SessionRow {
        title: "a title".into(),
        started: Timestamp::from_millis(5),
    }
}

#[test]
fn another_version_is_refused_by_number() {
    let mut bytes = session().to_stored().unwrap();
    bytes[0] += 1;
    let refused = SessionRow::from_stored(&bytes);
    let expected = SchemaError::Version {
        found: 2,
        expected: 1,
    };
    assert_eq!(refused, Err(expected));
}

#[test]
fn cut_and_trailing_bytes_are_refused() {
    let bytes = session().to_stored().unwrap();
    for end in 0..bytes.len() {
        assert!(
            SessionRow::from_stored(&bytes[..end]).is_err(),
            "cut at {end}"
        );
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(SessionRow::from_stored(&longer).is_err());
}

#[test]
fn every_code_reads_back_and_the_next_is_refused() {
    for source in Source::ALL {
        assert_eq!(Source::from_code(source.code()), Ok(source));
    }
    for kind in Kind::ALL {
        assert_eq!(Kind::from_code(kind.code()), Ok(kind));
    }
    assert!(Source::from_code(7).is_err());
    assert!(Kind::from_code(9).is_err());
}

fn episode() -> Episode {
    Episode {
        id: EpisodeId::MIN,
        session: SessionId::from_bytes([7; 16]),
        role: Role::User,
        text: "My cat is called Miso".into(),
        source: Source::Note,
        author: None,
        intent: Intent::Remember,
        said_at: Timestamp::from_millis(1_773_307_800_000),
        model: None,
        adapter: Some("a".into()),
        given: Vec::new(),
        redactions: vec!["kind".into()],
        sensitive: true,
        verdict: Verdict {
            rating: Some(4),
            correction: Some("no".into()),
        },
    }
}

/// [`episode`] as version 1 wrote it. Never edited: memories hold such bytes.
const EPISODE_1: &str = "011a30373057334745315237305733474531523730573347453152370104\
    0180a78d969c67154d79206361742069732063616c6c6564204d69736f000101610001046b696e64\
    01010401026e6f";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_episode_of_version_1_has_no_author() {
    let row = EpisodeRow::from(&episode());
    let newest = row.to_stored().unwrap();
    let mut first = newest.clone();
    first[0] = 1;
    first.pop();
    assert_eq!(hex(&first), EPISODE_1);
    assert_eq!(EpisodeRow::from_stored(&first), Ok(row));
    for cut in [&first[..first.len() - 1], &newest[..newest.len() - 1]] {
        assert!(EpisodeRow::from_stored(cut).is_err());
    }
    for longer in [first, newest] {
        for byte in 0..=2 {
            let longer = [longer.as_slice(), &[byte]].concat();
            assert!(EpisodeRow::from_stored(&longer).is_err());
        }
    }
}

#[test]
fn an_author_reads_back() {
    let written = Episode {
        author: Some("an editor".into()),
        source: Source::Mcp,
        ..episode()
    };
    let bytes = EpisodeRow::from(&written).to_stored().unwrap();
    let row = EpisodeRow::from_stored(&bytes).unwrap();
    assert_eq!(row.into_episode(EpisodeId::MIN), Ok(written));
}

proptest! {
    #[test]
    fn sessions_read_back(title in ".{0,40}", started: i64) {
        let row = SessionRow { title, started: Timestamp::from_millis(started) };
        prop_assert_eq!(SessionRow::from_stored(&row.to_stored().unwrap()), Ok(row));
    }

    #[test]
    fn postings_read_back_and_sort_by_row(row: u32, other: u32, count: u16, length: u16) {
        let posting = Posting { row, count, length };
        prop_assert_eq!(<Posting as Key>::decode(&posting.bytes()), Ok(posting));
        if row != other {
            let second = Posting { row: other, count, length };
            prop_assert_eq!(posting.bytes().cmp(&second.bytes()), row.cmp(&other));
        }
    }

    #[test]
    fn junk_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..300), version in 0_u8..4) {
        if let (1..=2, Some(first)) = (version, bytes.first_mut()) {
            *first = version;
        }
        let _ = EpisodeRow::from_stored(&bytes).map(|row| row.into_episode(EpisodeId::MIN));
        let _ = MemoryRow::from_stored(&bytes).map(|row| row.into_memory(MemoryId::MIN));
        let _ = PassageRow::from_stored(&bytes).map(|row| row.extent());
        let _ = SpaceRow::from_stored(&bytes);
        let _ = TombstoneRow::from_stored(&bytes);
    }
}
