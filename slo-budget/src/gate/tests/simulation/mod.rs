//! The law over time: what a gate refuses during and after a fault. At 99.9 % over 30 days, with the defaults.
//!
//! Bounds of the worst of a few runs. `R` is the time from the end of the fault to the last refusal.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and seconds of a simulation"
)]

mod world;

use world::{Fault, Outcome, Scenario};

const HOUR: u64 = 3600;

const OLD: Scenario = Scenario::OLD;
const YOUNG: Scenario = Scenario::YOUNG;
/// The budget of the period is spent: 120 % of it.
const SPENT: Scenario = Scenario {
    past: 0.0012,
    ..OLD
};

/// The process is old, and all its requests are optional.
const OPTIONAL: Scenario = Scenario {
    optional: 1.0,
    ..OLD
};

fn overload(times: f64) -> Scenario {
    Scenario {
        lasts: 180,
        fault: Fault {
            times,
            capacity: Some(25.0),
            ..Fault::NONE
        },
        ..OLD
    }
}

#[test]
fn five_bad_seconds_of_a_new_process_refuse_nothing() {
    let new = Scenario {
        rate: 1.6,
        optional: 1.0,
        begins: 7,
        ..YOUNG
    };
    let Outcome {
        after,
        refused_well,
        ..
    } = new.faulty(5, 0.8).worst(20);
    assert_eq!((after, refused_well), (0, 0));
}

#[test]
fn refusals_end_soon_after_an_outage() {
    for process in [OLD, YOUNG] {
        for (lasts, most, burned, refused) in [
            (1, 4, 0.06, 30),
            (5, 12, 0.22, 110),
            (30, 17, 0.85, 150),
            (120, 17, 3.4, 150),
        ] {
            let worst = process.faulty(lasts, 1.0).worst(5);
            assert!(
                worst.after <= most && worst.burned <= burned && worst.refused_well <= refused,
                "{lasts} s: {worst:?}"
            );
        }
    }
}

#[test]
fn refusals_are_a_small_multiple_of_any_fault() {
    for (rate, slack) in [(2.0, 16), (20.0, 16), (200.0, 16)] {
        for errors in [1.0, 0.3, 0.1] {
            for optional in [0.5, 1.0] {
                for lasts in [1, 3, 8, 20, 60, 240] {
                    let process = Scenario {
                        rate,
                        optional,
                        begins: 650,
                        ends: 80,
                        ..OLD
                    };
                    let after = process.faulty(lasts, errors).worst(1).after;
                    assert!(
                        after <= (4 * lasts).min(lasts + slack),
                        "{rate}/s, {errors}, {lasts} s: {after} s"
                    );
                }
            }
        }
    }
}

#[test]
fn one_bad_second_of_many_requests_is_forgiven() {
    let lock = Scenario {
        lasts: 1,
        fault: Fault {
            times: 3.0,
            ..Fault::of_all(0.67)
        },
        ..OLD
    };
    let burst = Scenario {
        lasts: 1,
        fault: Fault {
            times: 2.4,
            capacity: Some(33.0),
            ..Fault::NONE
        },
        ..OLD
    };
    for scenario in [lock, burst] {
        let worst = scenario.worst(10);
        assert!(worst.after <= 6 && worst.refused_well <= 40, "{worst:?}");
    }
}

#[test]
fn overload_keeps_the_goodput_and_ends_with_its_cause() {
    for (times, goodput) in [(10.0, 92.0), (3.0, 90.0)] {
        let worst = overload(times).worst(4);
        assert!(
            worst.after <= 16 && worst.goodput >= goodput && worst.refused_well <= 150,
            "{times}: {worst:?}"
        );
    }
    let late = Scenario {
        delay: 4,
        ..overload(10.0)
    };
    assert!(late.worst(4).goodput >= 85.0);
}

#[test]
fn a_fault_within_the_pace_is_let_through() {
    let mild = OLD.faulty(HOUR, 0.01).run(1);
    assert!(mild.share >= 95.0 && mild.after <= 16, "{mild:?}");
    let well = Scenario {
        lasts: 6 * HOUR,
        fault: Fault::of_all(0.0008),
        ..OLD
    };
    for process in [
        well,
        Scenario {
            past: 0.0012,
            ..well
        },
    ] {
        let outcome = process.run(1);
        assert!(
            outcome.share >= 99.9 && outcome.refused_well == 0,
            "{outcome:?}"
        );
    }
}

#[test]
fn a_long_fault_burns_about_the_pace() {
    let twenty = OPTIONAL.faulty(HOUR, 0.05).worst(2);
    assert!(
        twenty.after <= 60 && twenty.burned <= 3.0 && twenty.share <= 50.0,
        "{twenty:?}"
    );
    let busy = Scenario {
        rate: 200.0,
        ..OPTIONAL
    };
    let busy = busy.faulty(HOUR, 0.05).run(1);
    assert!(
        busy.after <= 22 && busy.burned <= 2.2 && busy.share <= 40.0,
        "{busy:?}"
    );
    let outage = OPTIONAL.faulty(HOUR, 1.0).worst(2);
    assert!(
        outage.after <= 30 && outage.burned <= 2.6 && outage.share <= 3.0,
        "{outage:?}"
    );
    assert!(outage.refused_well <= 600, "{outage:?}");
}

#[test]
fn a_long_fault_of_both_classes_sheds_the_optional_one() {
    let fault = OLD.faulty(HOUR, 0.05).worst(4);
    assert!(
        fault.after <= 30 && fault.burned <= 5.0 && fault.share <= 35.0,
        "{fault:?}"
    );
    // Half of all requests are essential: 69.4 % of the budget.
    let outage = OLD.faulty(HOUR, 1.0).worst(4);
    assert!(
        outage.after <= 17 && outage.burned <= 72.0 && outage.share <= 2.0,
        "{outage:?}"
    );
    assert!(outage.refused_well <= 150, "{outage:?}");
}

#[test]
fn a_spent_budget_refuses_nothing_while_the_service_is_well() {
    let well = Scenario {
        lasts: 2 * HOUR,
        ..SPENT
    };
    let outcome = well.run(1);
    assert!(outcome.refused_well <= 10, "{outcome:?}");
    let blip = SPENT.faulty(5, 1.0).worst(4);
    assert!(blip.after <= 12 && blip.burned <= 0.25, "{blip:?}");
    let leak = SPENT.faulty(HOUR, 0.01).run(1);
    assert!(
        leak.after <= 60 && leak.share <= 60.0 && leak.burned <= 1.2,
        "{leak:?}"
    );
}

#[test]
fn a_periodic_fault_turns_the_share_twice() {
    let periodic = Scenario {
        each_minute: 10,
        ..OLD.faulty(HOUR, 1.0)
    };
    let outcome = periodic.run(1);
    assert!(outcome.turns <= 122, "{outcome:?}");
    assert!(outcome.refused_well <= 8_000, "{outcome:?}");
}

#[test]
fn one_request_a_minute_is_not_locked_out() {
    let sparse = Scenario {
        rate: 1.0 / 60.0,
        ends: 2 * HOUR,
        ..OPTIONAL
    };
    let worst = sparse.faulty(HOUR, 1.0).worst(20);
    assert!(worst.after <= 660 && worst.refused_well <= 12, "{worst:?}");
}

#[test]
fn failures_of_essential_requests_stop_refusals_soon() {
    let essential = Scenario {
        lasts: 600,
        fault: Fault {
            essential: 1.0,
            ..Fault::NONE
        },
        ..OLD
    };
    // Without the pauses it is 5,900. One run in six takes a chance of the first two seconds for the fault.
    let refused = |seed| essential.run(seed).refused_well;
    let soon = (0..20).filter(|seed| refused(*seed) <= 1_100).count();
    assert!(soon >= 15, "{soon} of 20");
}
