//! How long callers hold the lock of a family, and which of them search.

use std::{cell::Cell, collections::HashSet, fmt, sync::Arc, time::Duration};

use tokio::time::advance;

use crate::{
    breaker::CircuitBreaker,
    family::{pause::EXAMINED, walk::Walk},
};

#[test]
fn idle_members_go_in_steps_between_which_keys_come() {
    let family = CircuitBreaker::builder()
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
    assert!(left.len() > 4 && Arc::ptr_eq(busy.pointer(), family.get(&7).pointer()));
    let members: Vec<_> = family.iter().map(|(key, _)| key).collect();
    assert_eq!(members.len(), left.len());
    assert_eq!(members.into_iter().collect::<HashSet<_>>(), left);
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
    let family = CircuitBreaker::builder()
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
