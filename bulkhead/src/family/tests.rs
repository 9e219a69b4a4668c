//! The lock of a family is held for a bounded number of members.

use std::{collections::HashSet, sync::Arc};

use super::{members::Walk, pause::EXAMINED};
use crate::bulkhead::Bulkhead;

#[test]
fn idle_members_go_in_steps_between_which_keys_come() {
    let family = Bulkhead::builder()
        .build_family::<u32>("steps", 1_000)
        .unwrap();
    let busy = family.get(&7);
    for key in 0..300 {
        drop(family.get(&key).try_acquire().unwrap());
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
    assert!(left.len() > 4 && Arc::ptr_eq(&busy.0, &family.get(&7).0));
    let members: Vec<_> = family.iter().map(|(key, _)| key).collect();
    assert_eq!(members.len(), left.len());
    assert_eq!(members.into_iter().collect::<HashSet<_>>(), left);
}
