//! Which members of a family stay, and what they hold.

use std::{cell::Cell, collections::HashSet, fmt, sync::Arc, time::Duration};

use tokio::time::advance;

use super::{RetryBudgets, pause::EXAMINED, walk::Walk};
use crate::{
    budget::{BudgetBuilder, RetryBudget},
    types::BudgetState,
};

fn numbers() -> BudgetBuilder {
    RetryBudget::builder()
        .ratio(0.0)
        .floor_per_second(1)
        .ttl(Duration::from_secs(10))
}

fn family(capacity: usize) -> RetryBudgets<u32> {
    numbers()
        .build_family("hosts", capacity)
        .expect("legal numbers")
}

fn spend(budget: &RetryBudget) {
    budget.try_hold().expect("credit for one").spend();
}

#[tokio::test(start_paused = true)]
async fn member_with_spent_credit_stays_until_it_is_earned() {
    let hosts = family(1);
    spend(&hosts.get(&1));
    spend(&hosts.get(&2)); // of the overflow
    assert_eq!((hosts.len(), hosts.get(&1).balance()), (1, 9));
    assert_eq!(hosts.overflow().balance(), 9);
    advance(Duration::from_secs(10)).await;
    assert_eq!(hosts.get(&2).balance(), 10);
    assert!(!hosts.get(&2).is_same(&hosts.overflow()));
    assert!(hosts.iter().map(|(key, _)| key).eq([2]));
}

#[tokio::test(start_paused = true)]
async fn many_keys_bring_no_more_credit_than_the_capacity() {
    let (hosts, mut granted) = (family(8), 0);
    for key in 0..1_000 {
        while let Some(hold) = hosts.get(&key).try_hold() {
            hold.spend();
            granted += 1;
        }
    }
    assert_eq!(granted, (8 + 1) * 10);
    assert_eq!(hosts.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn handle_and_hold_keep_their_member() {
    let hosts = family(1);
    let hold = hosts.get(&1).try_hold();
    assert!(hosts.get(&2).is_same(&hosts.overflow()));
    drop(hold);
    let handle = hosts.get(&1);
    assert!(hosts.get(&2).is_same(&hosts.overflow()));
    drop(handle);
    assert!(!hosts.get(&2).is_same(&hosts.overflow()));
}

#[tokio::test(start_paused = true)]
async fn idle_members_are_evicted() {
    let hosts = family(9);
    (0..5).for_each(|key| drop(hosts.get(&key)));
    spend(&hosts.get(&0));
    let held = hosts.get(&1);
    assert_eq!((hosts.evict_idle(), hosts.len()), (0, 5));
    assert_eq!((hosts.evict_idle(), hosts.len()), (3, 2));
    drop(held);
    advance(Duration::from_secs(10)).await;
    assert_eq!((hosts.evict_idle(), hosts.is_empty()), (2, true));
}

#[tokio::test(start_paused = true)]
async fn changed_numbers_reach_present_and_future_members() {
    let hosts = family(1);
    let member = hosts.get(&1);
    hosts.reconfigure(numbers().floor_per_second(0)).unwrap();
    assert!(hosts.reconfigure(numbers().ratio(-1.0)).is_err());
    assert_eq!((member.balance(), hosts.overflow().balance()), (0, 0));
    drop(member);
    assert_eq!(hosts.get(&2).balance(), 0);
    assert!(numbers().build_family::<u32>("none", 0).is_err());
}

#[tokio::test(start_paused = true)]
async fn events_and_handles_name_the_key_if_keys_are_shown() {
    let (log, heard) = std::sync::mpsc::channel();
    let mut keys = Vec::new();
    for hosts in [family(1), family(1).show_keys()] {
        let (log, member) = (log.clone(), hosts.get(&7));
        let _listener = member.on_event(move |event| log.send(event.clone()).unwrap());
        (0..10).for_each(|_| spend(&member));
        assert!(member.try_hold().is_none());
        assert_eq!(hosts.overflow().key(), None);
        keys.push(member.key());
    }
    assert_eq!(keys, [None, Some("7".into())]);
    let told = heard
        .try_iter()
        .map(|event| (event.key(), event.to_string()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (None, "retry budget `hosts` refuses retries".into()),
            (
                Some("7".into()),
                "retry budget `hosts` [7] refuses retries".into()
            ),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn family_hears_of_present_and_future_members_and_the_overflow() {
    let (log, heard) = std::sync::mpsc::channel();
    let hosts = family(2);
    drop(hosts.get(&1));
    let listener = hosts.on_event(move |key, event| {
        log.send((key.copied(), event.state())).unwrap();
    });
    for key in [2, 1, 3] {
        let budget = hosts.get(&key);
        (0..10).for_each(|_| spend(&budget));
        assert!(budget.try_hold().is_none());
    }
    drop(listener);
    advance(Duration::from_secs(11)).await;
    spend(&hosts.overflow());
    let expected = [Some(2), Some(1), None].map(|key| (key, BudgetState::Refusing));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn idle_members_go_in_steps_between_which_keys_come() {
    let family = RetryBudget::builder()
        .build_family::<u32>("steps", 1_000)
        .unwrap();
    let busy = family.get(&7);
    for key in 0..300 {
        drop(family.get(&key));
    }
    assert_eq!(family.evict_idle(), 0); // all were used just now
    let mut walk = Walk::new();
    let (mut gone, mut left) = (0, HashSet::from([7]));
    for key in 300.. {
        let some = family.0.evict_some(&mut walk).len();
        assert!(some <= EXAMINED);
        gone += some;
        drop(family.get(&key));
        left.insert(key);
        if walk.is_over() {
            break;
        }
    }
    assert_eq!(gone, 299);
    assert!(left.len() > 4 && busy.is_same(&family.get(&7)));
    let members: Vec<_> = family.iter().map(|(key, _)| key).collect();
    assert_eq!(members.len(), left.len());
    assert_eq!(members.into_iter().collect::<HashSet<_>>(), left);
}

thread_local! {
    static CLONES: Cell<usize> = const { Cell::new(0) };
}

/// A key that counts how often it is cloned, as before each search for a member to evict.
#[derive(PartialEq, Eq, Hash)]
struct Counted(u32);

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_without_room_searches_once_in_a_while() {
    let family = RetryBudget::builder().build_family("flood", 2).unwrap();
    let handles = [1, 2].map(|key| family.get(&Counted(key)));
    CLONES.set(0);
    for key in 3..1_003 {
        drop(family.get(&Counted(key)));
    }
    // 16 searches: of the key two clones, and of each of two members that cannot go two more at most.
    assert!(CLONES.get() <= 16 * 6 && family.len() == 2);
    drop(handles);
    let is_member = |key| family.iter().any(|(member, _)| member == Counted(key));
    drop(family.get(&Counted(3)));
    assert!(!is_member(3));
    advance(Duration::from_millis(5)).await;
    drop(family.get(&Counted(3)));
    assert!(is_member(3));
    // From then on each key searches again, as one has found a member.
    drop(family.get(&Counted(4)));
    assert!(is_member(4));
}

#[tokio::test(start_paused = true)]
async fn all_members_are_examined_before_searches_pause() {
    let family = RetryBudget::builder().build_family("round", 2_000).unwrap();
    let _held: Vec<_> = (0..1_999).map(|key| family.get(&key)).collect();
    drop(family.get(&1_999));
    // The last member is one of the 32nd 64 of 2,000.
    let evicts = |key: &u32| {
        drop(family.get(key));
        family.iter().any(|(member, _)| member == *key)
    };
    assert_eq!((2_000..3_000).find(evicts), Some(2_031));
}

type OtherCaller = Box<dyn FnOnce()>;

thread_local! {
    static BEFORE_LOCK: Cell<Option<OtherCaller>> = const { Cell::new(None) };
}

/// A key that another caller overtakes just before the lock, where a family makes its text.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Late(u32);

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(other_caller) = BEFORE_LOCK.take() {
            other_caller();
        }
        self.0.fmt(f)
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_at_the_lock_sees_a_pause_that_has_just_begun() {
    let family = RetryBudget::builder()
        .build_family("queue", 1)
        .unwrap()
        .show_keys();
    let (other, held) = (family.clone(), family.get(&Late(1)));
    BEFORE_LOCK.set(Some(Box::new(move || {
        (3..19).for_each(|key| drop(other.get(&Late(key))));
        drop(held); // a search would find it
    })));
    assert_eq!(family.get(&Late(2)).key(), None);
    // A key that has a member is not concerned.
    assert_eq!(family.get(&Late(1)).key().as_deref(), Some("1"));
    let found = family.0.find_or_make(&Late(1));
    assert!(!Arc::ptr_eq(&found, &family.0.overflow));
    drop(found);
    advance(Duration::from_millis(5)).await;
    assert_eq!(family.get(&Late(2)).key().as_deref(), Some("2"));
}
