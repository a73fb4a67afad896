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
    assert!(Source::from_code(6).is_err());
    assert!(Kind::from_code(9).is_err());
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
    fn junk_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..300), versioned: bool) {
        if let (true, Some(first)) = (versioned, bytes.first_mut()) {
            *first = 1;
        }
        let _ = EpisodeRow::from_stored(&bytes).map(|row| row.into_episode(EpisodeId::MIN));
        let _ = MemoryRow::from_stored(&bytes).map(|row| row.into_memory(MemoryId::MIN));
        let _ = PassageRow::from_stored(&bytes).map(|row| row.extent());
        let _ = SpaceRow::from_stored(&bytes);
        let _ = TombstoneRow::from_stored(&bytes);
    }
}
