//! The bulkhead against a naive model: a list of the permits that are out.

use proptest::prelude::*;

use crate::{Bulkhead, Outcome};

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter,
    /// The number of the permit, modulo the length of the list, and the outcome. `None` is a drop.
    Leave(usize, Option<Outcome>),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        Just(None),
        Just(Some(Outcome::Success)),
        Just(Some(Outcome::Overload)),
        Just(Some(Outcome::Ignored)),
    ];
    prop_oneof![
        3 => Just(Step::Enter),
        2 => (any::<usize>(), outcome).prop_map(|(who, how)| Step::Leave(who, how)),
    ]
}

proptest! {
    #[test]
    fn any_history_agrees_with_a_list(
        limit in 1_usize..6,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let bulkhead = Bulkhead::builder().limit(limit).build("model").unwrap();
        let clone = bulkhead.clone();
        let mut inside = Vec::new();
        let mut overloads = 0;
        for (n, step) in steps.into_iter().enumerate() {
            // Clones share, so both handles give the same answers.
            let asked = if n % 2 == 0 { &bulkhead } else { &clone };
            match step {
                Step::Enter => match asked.try_acquire() {
                    Ok(permit) => {
                        prop_assert!(inside.len() < limit);
                        inside.push(permit);
                    }
                    Err(full) => {
                        prop_assert_eq!(inside.len(), limit);
                        prop_assert_eq!((full.limit(), full.in_flight()), (limit, limit));
                    }
                },
                Step::Leave(..) if inside.is_empty() => {}
                Step::Leave(who, how) => {
                    let permit = inside.swap_remove(who % inside.len());
                    overloads += u64::from(how == Some(Outcome::Overload));
                    match how {
                        Some(outcome) => permit.finish(outcome),
                        None => drop(permit),
                    }
                }
            }
            prop_assert_eq!(asked.in_flight(), inside.len());
            prop_assert_eq!(asked.overloads(), overloads);
        }
        drop(inside);
        prop_assert_eq!(bulkhead.in_flight(), 0);
    }
}
