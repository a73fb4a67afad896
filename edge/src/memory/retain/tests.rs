use proptest::prelude::*;
use shared::clock::{Clock, ManualClock};
use std::time::Duration;

use super::*;

const DAY: i64 = 86_400_000;

fn item(id: u32, bytes: u64, importance: f32, said_day: i64) -> Item<u32> {
    Item {
        id,
        bytes,
        importance,
        uses: 0,
        said_at: Timestamp::from_millis(said_day * DAY),
        last_use: None,
        pin: Pin::Off,
    }
}

fn policy(max_bytes: u64) -> Policy {
    Policy {
        max_bytes,
        min_age_days: 0.0,
        ..Policy::default()
    }
}

fn day(n: i64) -> Timestamp {
    Timestamp::from_millis(n * DAY)
}

fn dropped(plan: &Plan<u32>) -> Vec<u32> {
    plan.drop.iter().map(|(id, _)| *id).collect()
}

#[test]
fn strength_halves_with_each_half_life_without_use() {
    let policy = policy(0);
    let item = item(1, 1, 0.8, 0);
    let at = |days: i64| strength(&item, &policy, day(days));
    assert!((at(0) - 0.8).abs() < 1e-6);
    assert!((at(180) - 0.4).abs() < 1e-6);
    assert!((at(360) - 0.2).abs() < 1e-6);
}

#[test]
fn a_clock_set_back_makes_nothing_stronger_than_new() {
    let item = item(1, 1, 0.8, 10);
    let new = strength(&item, &policy(0), day(10));
    assert!((strength(&item, &policy(0), day(3)) - new).abs() < f64::EPSILON);
}

#[test]
fn a_use_renews_and_strengthens() {
    let used = Item {
        uses: 1,
        last_use: Some(day(360)),
        ..item(1, 1, 0.5, 0)
    };
    let now = strength(&used, &policy(0), day(360));
    assert!((now - 0.6).abs() < 1e-6, "{now}");
}

#[test]
fn nothing_goes_while_there_is_room() {
    let items = [item(1, 50, 0.1, 0), item(2, 50, 0.9, 0)];
    let plan = plan(&policy(100), &items, day(400));
    assert_eq!(plan.drop, []);
    assert_eq!((plan.kept, plan.kept_bytes, plan.freed_bytes), (2, 100, 0));
}

#[test]
fn the_weakest_go_first_and_only_as_many_as_must() {
    let items = [
        item(1, 40, 0.9, 0),
        item(2, 40, 0.1, 0),
        item(3, 40, 0.5, 0),
    ];
    let plan = plan(&policy(90), &items, day(1));
    assert_eq!(plan.drop, [(2, Reason::NoRoom)]);
    assert_eq!((plan.kept_bytes, plan.freed_bytes), (80, 40));
}

#[test]
fn ties_drop_the_older_id() {
    let items = [
        item(3, 10, 0.5, 0),
        item(1, 10, 0.5, 0),
        item(2, 10, 0.5, 0),
    ];
    assert_eq!(dropped(&plan(&policy(10), &items, day(1))), [1, 2]);
}

#[test]
fn the_number_of_items_is_bounded_too() {
    let policy = Policy {
        max_items: 1,
        ..policy(u64::MAX)
    };
    let items = [item(1, 0, 0.9, 0), item(2, 0, 0.2, 0)];
    assert_eq!(dropped(&plan(&policy, &items, day(1))), [2]);
}

#[test]
fn what_faded_goes_even_where_there_is_room_but_not_while_young() {
    let policy = Policy {
        min_strength: 0.3,
        min_age_days: 30.0,
        half_life_days: 10.0,
        ..policy(u64::MAX)
    };
    let items = [item(1, 1, 0.5, 0), item(2, 1, 0.1, 35)];
    assert_eq!(
        plan(&policy, &items, day(40)).drop,
        [(1, Reason::Faded)],
        "the second is weaker but young"
    );
}

#[test]
fn the_young_go_only_when_nothing_older_may() {
    let policy = Policy {
        min_age_days: 7.0,
        ..policy(10)
    };
    let items = [item(1, 10, 0.9, 0), item(2, 10, 0.1, 99)];
    assert_eq!(dropped(&plan(&policy, &items, day(100))), [1]);
}

#[test]
fn a_plan_that_cannot_fit_says_by_how_much() {
    let pinned = Item {
        pin: Pin::On,
        ..item(1, 70, 0.1, 0)
    };
    let plan = plan(&policy(50), &[pinned, item(2, 30, 0.9, 0)], day(1));
    assert_eq!(dropped(&plan), [2]);
    assert_eq!((plan.over_bytes, plan.over_items), (20, 0));
}

/// Thirty days of 200 turns a day: the size settles at the budget, the pinned and the used stay.
#[test]
fn thirty_days_of_talk_stay_within_the_budget() {
    let clock = ManualClock::new(day(20_000));
    let policy = Policy {
        max_bytes: 200_000,
        min_age_days: 1.0,
        ..Policy::default()
    };
    let mut store: Vec<Item<u32>> = Vec::new();
    let mut sizes = Vec::new();
    for today in 0..30_u32 {
        for turn in 0..200 {
            let id = today * 200 + turn;
            store.push(Item {
                pin: if id == 0 { Pin::On } else { Pin::Off },
                said_at: clock.now(),
                ..item(
                    id,
                    150 + u64::from(id % 7) * 40,
                    [0.2, 0.5, 0.8][id as usize % 3],
                    0,
                )
            });
        }
        clock.advance(Duration::from_secs(86_400));
        if let Some(used) = store.iter_mut().find(|item| item.id == 3) {
            used.uses += 1;
            used.last_use = Some(clock.now());
        }
        let plan = plan(&policy, &store, clock.now());
        store.retain(|item| !dropped(&plan).contains(&item.id));
        assert_eq!(plan.kept, store.len() as u64);
        assert_eq!(plan.over_bytes, 0);
        sizes.push(plan.kept_bytes);
    }
    assert!(sizes.iter().all(|&bytes| bytes <= 200_000), "{sizes:?}");
    assert!(sizes[5..].iter().all(|&bytes| bytes > 199_000), "{sizes:?}");
    assert!(store.iter().any(|item| item.id == 0), "pinned");
    assert!(store.iter().any(|item| item.id == 3), "used every day");
    assert!(
        !store.iter().any(|item| item.id == 6),
        "its like, unused, went"
    );
}

#[test]
fn what_was_asked_for_outweighs_what_was_mentioned() {
    let mentioned = Draft {
        kind: Kind::Preference,
        subject: "i".into(),
        attribute: "likes".into(),
        value: "tea".into(),
        text: "I like tea".into(),
        sensitive: false,
        asked: false,
        supersedes: None,
    };
    let asked = Draft {
        asked: true,
        ..mentioned.clone()
    };
    assert!(importance(&asked) > importance(&mentioned));
}

#[test]
fn an_episode_that_says_something_outweighs_small_talk() {
    let small = episode_importance("ok, thanks", 0, 0);
    let telling = episode_importance("The boiler was serviced by Okafor on Tuesday", 0, 0);
    let taken_up = episode_importance("The boiler was serviced by Okafor on Tuesday", 2, 1);
    assert!(small < telling && telling < taken_up && taken_up <= 1.0);
}

fn items() -> impl Strategy<Value = Vec<Item<u32>>> {
    let one = (
        0..5000_u64,
        -0.5..1.5_f32,
        0..90_u32,
        0..100_i64,
        prop::option::of(0..120_i64),
        any::<bool>(),
    );
    prop::collection::vec(one, 0..40).prop_map(|all| {
        (0..)
            .zip(all)
            .map(|(id, (bytes, importance, uses, said, used, pin))| Item {
                uses,
                last_use: used.map(day),
                pin: if pin { Pin::On } else { Pin::Off },
                ..item(id, bytes, importance, said)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn the_pinned_stay_and_sizes_fit_or_say_so(
        items in items(), max_bytes in 0..60_000_u64, max_items in 0..50_u64, min_strength in 0.0..0.6,
    ) {
        let policy = Policy { max_bytes, max_items, min_strength, ..Policy::default() };
        let plan = plan(&policy, &items, day(110));
        let stay: Vec<_> = items.iter().filter(|i| !dropped(&plan).contains(&i.id)).collect();
        prop_assert!(items.iter().filter(|i| i.pin == Pin::On).all(|i| stay.contains(&i)));
        prop_assert_eq!(stay.len() as u64, plan.kept);
        prop_assert_eq!(stay.iter().map(|i| i.bytes).sum::<u64>(), plan.kept_bytes);
        prop_assert!(plan.kept_bytes <= max_bytes + plan.over_bytes);
        if plan.over_bytes > 0 {
            prop_assert!(stay.iter().all(|i| i.pin == Pin::On || i.bytes == 0));
        }
        if plan.over_items > 0 {
            prop_assert!(stay.iter().all(|i| i.pin == Pin::On));
        }
    }

    #[test]
    fn equal_input_in_any_order_gives_an_equal_plan(items in items(), max_bytes in 0..60_000_u64) {
        let mut turned = items.clone();
        turned.reverse();
        prop_assert_eq!(plan(&policy(max_bytes), &items, day(110)), plan(&policy(max_bytes), &turned, day(110)));
    }

    #[test]
    fn strength_stays_between_nothing_and_one(items in items(), at in -10..1000_i64) {
        for item in &items {
            let s = strength(item, &Policy::default(), day(at));
            prop_assert!((0.0..=1.0).contains(&s), "{s}");
        }
    }
}
