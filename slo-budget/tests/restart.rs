//! Histories over restarts and instances, on a paused clock.

use std::{fs, time::Duration};

use maestro_slo_budget::{
    Counts, ErrorBudget, Event, Gate, History, Objective, Restored, Unusable,
};
use static_assertions::assert_impl_all;
use tokio::time::advance;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// A moment, since the Unix epoch.
const WALL: Duration = Duration::from_secs(1_700_000_000);

assert_impl_all!(History: Clone, Send, Sync, std::fmt::Debug);
assert_impl_all!(Unusable: Copy, std::error::Error, Send, Sync);

fn record(budget: &ErrorBudget, good: u64, bad: u64) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

fn restore(bytes: &[u8], wall: Duration) -> (ErrorBudget, Restored) {
    let restored = ErrorBudget::builder().restore("api", bytes, wall);
    restored.expect("a valid configuration")
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_counts() {
    let before = ErrorBudget::builder().build("api").unwrap();
    record(&before, 90, 10);
    advance(DAY).await;
    record(&before, 9, 1);
    let bytes = before.history(WALL).to_bytes();
    assert!(bytes.len() < 37 * 1024 + 200, "{}", bytes.len());

    let (after, restored) = restore(&bytes, WALL + HOUR);
    assert_eq!(restored, Restored::History { downtime: HOUR });
    assert_eq!(restored.to_string(), "history restored after 1h");
    assert_eq!(after.counts(HOUR), Counts::default());
    assert_eq!(after.counts(2 * HOUR), Counts::new(9, 1));
    assert_eq!(after.counts(2 * DAY), Counts::new(99, 11));
    record(&after, 1, 0);
    advance(MINUTE).await;
    assert_eq!(after.counts(2 * HOUR), Counts::new(10, 1));
    let observed = after.report().period().coverage() * 30.0 * 24.0;
    assert!(
        (observed - (25.0 + 1.0 / 60.0)).abs() < 1e-6,
        "{observed} h"
    );
    // A second restart.
    let again = restore(&after.history(WALL + HOUR).to_bytes(), WALL + HOUR).0;
    assert_eq!(again.counts(30 * DAY), Counts::new(100, 11));
    advance(30 * DAY).await;
    assert_eq!(again.counts(30 * DAY), Counts::default());
}

#[tokio::test(start_paused = true)]
async fn a_gate_paces_itself_by_errors_before_a_restart() {
    let before = ErrorBudget::builder().build("api").unwrap();
    record(&before, 0, 100);
    let pace = |budget| format!("{:.1}", Gate::new(budget).snapshot().pace());
    let (after, _) = restore(&before.history(WALL).to_bytes(), WALL + 15 * DAY);
    assert_eq!(pace(after), "1.0");
    let (later, _) = restore(&before.history(WALL).to_bytes(), WALL + 31 * DAY);
    assert_eq!(pace(later), "14.4");
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_may_jump_over_a_restart() {
    let before = ErrorBudget::builder().build("api").unwrap();
    record(&before, 1, 1);
    let bytes = before.history(WALL).to_bytes();
    let (back, restored) = restore(&bytes, Duration::ZERO);
    assert_eq!(
        restored,
        Restored::History {
            downtime: Duration::ZERO
        }
    );
    assert_eq!(back.counts(HOUR), Counts::new(1, 1));
    let (ahead, _) = restore(&bytes, Duration::MAX);
    assert_eq!(ahead.counts(Duration::MAX), Counts::default());
    record(&ahead, 1, 0);
    advance(DAY).await;
    let _ = (ahead.report(), ahead.history(Duration::MAX).to_bytes());
}

#[test]
fn a_history_survives_a_new_objective_but_no_new_meaning() {
    let builder = ErrorBudget::builder().meaning("5xx");
    let before = builder.build("api").unwrap();
    record(&before, 1, 1);
    let bytes = before.history(WALL).to_bytes();
    let objective = Objective::new(99, 100).unwrap();
    let kept = builder.objective(objective).period(7 * DAY);
    let (budget, restored) = kept.restore("api", &bytes, WALL).unwrap();
    assert!(matches!(restored, Restored::History { .. }));
    assert_eq!(
        (budget.counts(HOUR), budget.objective()),
        (Counts::new(1, 1), objective)
    );

    let coarser = builder.resolution(MINUTE);
    for (other, why) in [
        (
            builder.meaning("5xx, or slower than 250 ms"),
            Unusable::OtherMeaning,
        ),
        (coarser, Unusable::OtherResolution),
    ] {
        let (budget, restored) = other.restore("api", &bytes, WALL).unwrap();
        assert_eq!(restored, Restored::Empty(why));
        assert_eq!(budget.counts(HOUR), Counts::default());
    }
}

#[test]
fn unusable_bytes_start_an_empty_budget() {
    let bytes = ErrorBudget::builder()
        .build("api")
        .unwrap()
        .history(WALL)
        .to_bytes();
    let mut newer = bytes.clone();
    newer[8] = 3;
    let mut damaged = bytes.clone();
    damaged[5000] ^= 1;
    for (bytes, why) in [
        (&[][..], Unusable::NoHistory),
        (b"{\"budget\": 1}", Unusable::NoHistory),
        (&newer, Unusable::Version(3)),
        (&damaged, Unusable::Damaged),
        (&bytes[..8], Unusable::Damaged),
        (&bytes[..bytes.len() - 1], Unusable::Damaged),
        (&[&bytes[..], &[0; 8]].concat(), Unusable::Damaged),
    ] {
        let (budget, restored) = restore(bytes, WALL);
        assert_eq!(restored, Restored::Empty(why));
        assert_eq!(budget.counts(HOUR), Counts::default());
        record(&budget, 1, 0);
        assert_eq!(budget.counts(HOUR), Counts::new(1, 0));
    }
    let (_, restored) = restore(&damaged, WALL);
    assert_eq!(
        restored.to_string(),
        "the budget begins empty: the history is cut off, or was changed"
    );
}

#[test]
fn a_saved_file_is_the_old_one_or_the_new_one() {
    let directory = tempfile_directory();
    let path = directory.join("budget");
    let budget = ErrorBudget::builder().build("api").unwrap();
    budget.history(WALL).save(&path).unwrap();
    record(&budget, 0, 7);
    budget.history(WALL).save(&path).unwrap();
    let read = History::from_bytes(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(
        (read.counts(HOUR, WALL), read.wall()),
        (Counts::new(0, 7), WALL)
    );
    // If the new file cannot be written the old one stays.
    fs::create_dir(directory.join("budget.new")).unwrap();
    record(&budget, 0, 1);
    assert!(budget.history(WALL).save(&path).is_err());
    let read = History::from_bytes(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(read.counts(HOUR, WALL), Counts::new(0, 7));
    fs::remove_dir_all(directory).unwrap();
}

fn tempfile_directory() -> std::path::PathBuf {
    let name = format!("maestro-slo-budget-{}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(&directory).expect("a temporary directory can be made");
    directory
}

#[tokio::test(start_paused = true)]
async fn instances_add_up_window_by_window() {
    let old = ErrorBudget::builder().build("old").unwrap();
    record(&old, 100, 0);
    advance(5 * HOUR).await;
    record(&old, 10, 1);
    let young = ErrorBudget::builder().build("young").unwrap();
    record(&young, 20, 2);
    advance(10 * MINUTE).await;
    // One instance publishes now, the other published five minutes ago.
    let published = [young.history(WALL), old.history(WALL + 5 * MINUTE)];
    let both = |window| -> Counts {
        published
            .iter()
            .map(|h| h.counts(window, WALL + 5 * MINUTE))
            .sum()
    };
    assert_eq!(both(5 * MINUTE), Counts::default());
    assert_eq!(
        both(12 * MINUTE),
        Counts::new(10, 1),
        "the other was then 15 minutes old"
    );
    assert_eq!(both(HOUR), Counts::new(30, 3));
    assert_eq!(both(DAY), Counts::new(130, 3));
    assert_eq!(
        Counts::new(u64::MAX, 1) + Counts::new(1, 1),
        Counts::new(u64::MAX, 2)
    );
}

#[test]
fn a_name_may_be_an_owned_string() {
    let owned = |n: u8| format!("tenant {n}");
    let objective = Objective::new(99, 100).unwrap();
    assert_eq!(ErrorBudget::new(owned(1), objective).name(), "tenant 1");
    let built = ErrorBudget::builder().build(owned(2)).unwrap();
    assert_eq!(built.name(), "tenant 2");
    let (restored, _) = ErrorBudget::builder().restore(owned(3), b"", WALL).unwrap();
    assert_eq!(restored.name(), "tenant 3");
}
