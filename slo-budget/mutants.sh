#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-slo-budget
mutants_features=canary,http-body

mutant 'a good event counted by load, then store' src/record/counters.rs \
    'self.shard(shard).good.fetch_add(1, Relaxed);' \
    'let n = self.shard(shard).good.load(Relaxed); self.shard(shard).good.store(n + 1, Relaxed);' \
    'record::tests::loom::no_event_is_lost_when_a_slot_ends'
mutant 'a bad event counted by load, then store' src/record/counters.rs \
    'self.shard(shard).bad.fetch_add(1, Release);' \
    'let n = self.shard(shard).bad.load(Relaxed); self.shard(shard).bad.store(n + 1, Release);' \
    'record::tests::loom::no_event_is_lost_when_a_slot_ends'
mutant 'a bad event that publishes nothing' src/record/counters.rs \
    'self.shard(shard).bad.fetch_add(1, Release);' \
    'self.shard(shard).bad.fetch_add(1, Relaxed);' \
    'record::tests::loom::a_bad_event_publishes_the_good_ones_before_it'
mutant 'good events read before the bad ones' src/record/counters.rs \
    'let bad = all().fold(0_u64, |sum, s| sum.wrapping_add(s.bad.load(Acquire)));
        let good = all().fold(0_u64, |sum, s| sum.wrapping_add(s.good.load(Relaxed)));' \
    'let good = all().fold(0_u64, |sum, s| sum.wrapping_add(s.good.load(Relaxed)));
        let bad = all().fold(0_u64, |sum, s| sum.wrapping_add(s.bad.load(Acquire)));' \
    'record::tests::loom::a_bad_event_publishes_the_good_ones_before_it'
mutant 'a sum without the shard of a quiet member' src/record/counters.rs \
    'let all = || iter::once(&self.first).chain(shards());' \
    'let all = || iter::once(&self.first).filter(|_| self.shards.get().is_none()).chain(shards());' \
    'record::tests::loom::no_event_is_lost_when_a_member_gets_its_shards'
mutant 'the sum of a question taken before its lock' src/record/recorder.rs \
    'let mut inside = self.inside.lock();
        let events = self.advance(&mut inside, tick);' \
    'let events = self.counters.sum();
        let mut inside = self.inside.lock();
        self.advance(&mut inside, tick);' a_history_taken_while_recording_is_of_one_moment
mutant 'a place in the order taken by load, then store' src/gate/demand.rs \
    'let n = self.asked.fetch_add(1, Relaxed);' \
    'let n = self.asked.load(Relaxed); self.asked.store(n + 1, Relaxed);' \
    'gate::tests::loom::each_request_takes_a_place_of_its_own'
mutant 'a second decided without a second look' src/gate/state.rs \
    'let Some(mut inside) = self.inside.try_lock() else {
            return;
        };
        if !self.is_stale(tick) {' \
    'let Some(mut inside) = self.inside.try_lock() else {
            return;
        };
        if !self.is_stale(tick) && false {' \
    'gate::tests::loom::one_caller_decides_for_a_second'
mutant 'an event left behind when the queue is found empty' src/observe/listeners.rs \
    'inner.delivering && !leaving' \
    'inner.delivering' \
    'observe::tests::every_event_is_delivered_in_order'
mutant 'an override undone by a decision' src/gate/state.rs \
    'self.show(&inside);
        let next' \
    'self.standing.store(decided(&inside.law, inside.strict, inside.floor).0, Relaxed);
        let next' \
    'gate::tests::loom::a_decision_does_not_undo_an_override'
mutant 'an override that outlives its end by a tick' src/gate/state.rs \
    'tick >= forced.until' \
    'tick > forced.until' \
    'gate::tests::loom::the_end_of_an_override_is_told_once'
mutant 'a policy that goes back to older settings of its budget' src/gate/config.rs \
    'let mut current = self.0.lock();
        let settings = settings();' \
    'let settings = settings();
        let mut current = self.0.lock();' \
    'gate::config::tests::a_policy_never_goes_back_to_older_settings'
model_mutant 'a gate that keeps the objective it was built with' src/gate/policy.rs \
    'self.rules.objective = settings.objective;' \
    '' \
    'gate::tests::policy::a_policy_follows_the_objective_and_the_period'
model_mutant 'a window that looks back a slot too far' src/record/rings.rs \
    'let first = (from / tier.width).saturating_add(1);' \
    'let first = from / tier.width;' \
    'budget::tests::time_in_suspend_counts_from_the_next_slot_on'
model_mutant 'an event counted before its slot begins' src/record/recorder.rs \
    'self.begin_slot(tick);
                self.counters.bad(shard);' \
    'self.counters.bad(shard);
                self.begin_slot(tick);' \
    'history::tests::model::every_window_agrees_with_a_list_of_events'
model_mutant 'a page on one error' src/burn/significance.rs \
    'trials.bad() >= min_bad && is_unlikely' \
    'is_unlikely' \
    'gate::tests::policy::the_strict_rule_has_its_minimum_of_bad_events'
model_mutant 'a cut by more than half' src/gate/law.rs \
    '.max(u128::from(WHOLE / 2));' \
    '.max(0);' \
    'gate::tests::law::a_second_that_burns_cuts_the_share_once_and_by_half_at_most'
model_mutant 'a cut by results of before the cut' src/gate/law.rs \
    'now - cut > rules.grace' \
    'now - cut >= rules.grace' \
    'gate::tests::law::grace_is_the_time_between_two_cuts'
model_mutant 'time that was not observed, taken as bad as the rest' src/gate/rules.rs \
    '1000 * u128::from(seen),' \
    '1000 * u128::from(seen.max(seconds)),' \
    'gate::tests::simulation::five_bad_seconds_of_a_new_process_refuse_nothing'
model_mutant 'a share that rises while the fault goes on' src/gate/episode.rs \
    'due >= came.saturating_mul(4)' \
    'due >= came' \
    'gate::tests::simulation::a_long_fault_burns_about_the_pace'
model_mutant 'a pace of what was admitted' src/gate/recent.rs \
    'self.counted.saturating_add(self.refused)' \
    'self.counted' \
    'gate::tests::simulation::a_long_fault_burns_about_the_pace'
model_mutant 'refused requests taken for slices' src/gate/state.rs \
    'if rules.counts_slices {' \
    'if false {' \
    'gate::tests::law::refused_requests_do_not_dilute_slices'
model_mutant 'refusals in vain that go on' src/gate/episode.rs \
    'product(low_bad, seconds, 20) < product(bad, low_seconds, 17)' \
    'product(low_bad, seconds, 20) < product(bad, low_seconds, 40)' \
    'gate::tests::law::failures_of_essential_requests_alone_pause_shedding'
model_mutant 'a gap that is not quiet' src/gate/law.rs \
    'let skip = to.saturating_sub(LONGEST_RISE).max(first);' \
    'let skip = to;' \
    'gate::tests::law::ten_minutes_without_a_check_make_the_share_whole'
model_mutant 'an order that is periodic' src/gate/order.rs \
    'mix(n / BLOCK + 1)' \
    'mix(1)' \
    'gate::tests::order::alternating_kinds_get_the_same_share'
model_mutant 'counts lost at the end of an override' src/gate/state.rs \
    'if second > inside.law.now() {
            let tally' \
    'if second >= inside.law.now() {
            let tally' \
    'gate::tests::law::an_early_check_decides_nothing'
model_mutant 'an alert that is kept firing for ever' src/alerts/state.rs \
    'Some(false) => self.quiet_since.or(Some(tick))' \
    'Some(false) => Some(tick)' \
    'alerts::state::tests::an_alert_is_pending_then_firing_then_resolved'
model_mutant 'a damaged history that is read' src/history/codec.rs \
    'read().filter(|_| intact)' \
    'read().filter(|_| intact || true)' \
    'history::tests::damage::impossible_numbers_in_a_history_are_harmless'
model_mutant 'a sleep that is not noticed' src/record/suspend.rs \
    'self.slept = self.slept.saturating_add(gained.unsigned_abs() - set);' \
    '' \
    'budget::tests::time_in_suspend_counts_from_the_next_slot_on'
model_mutant 'a slice that ends a slice later' src/record/timeslices.rs \
    'first: (self.current.saturating_add(1))' \
    'first: (self.current.saturating_add(2))' \
    'history::tests::model::every_window_agrees_with_a_list_of_events'
model_mutant 'a slice that is ended by every look' src/record/timeslices.rs \
    'if slice <= self.current {' \
    'if slice < self.current {' \
    'history::tests::model::every_window_agrees_with_a_list_of_events'
model_mutant 'a wall clock that is set, taken for sleep' src/record/suspend.rs \
    'let set = self.behind.min(gained.unsigned_abs());' \
    'let set = 0;' \
    'record::suspend::tests::a_wall_clock_that_catches_up_was_set_not_suspended'
model_mutant 'idle slices that are as the last one was' src/record/timeslices.rs \
    'idle: self.rule.one(self.rule.idle),' \
    'idle: verdict,' \
    'history::tests::model::every_window_agrees_with_a_list_of_events'
model_mutant 'a target that is not reached at its line' src/record/budgeting_method.rs \
    'bad * u128::from(target.of()) <= total' \
    'bad * u128::from(target.of()) < total' \
    'record::budgeting_method::tests::a_slice_is_good_at_its_target_and_bad_below'
model_mutant 'a period that begins with its first slot' src/record/ledger.rs \
    'Some(period) => slot.min(self.rings.latest().saturating_add(period.left())),' \
    'Some(_) => slot,' \
    'record::tests::period::a_period_counts_from_its_exact_start'
model_mutant 'a tie that speaks against the canary' src/canary/pmf.rs \
    'this.first + next as u64 <= k' \
    '(this.first + next as u64) < k' \
    'canary::tests::sign::the_sign_of_small_tables_is_that_of_all_pairs'
model_mutant 'a distribution on one side of its mean' src/canary/pmf.rs \
    'for k in (first..middle).rev() {' \
    'for k in (middle..middle).rev() {' \
    'canary::tests::sign::the_sign_expects_zero_if_both_arms_are_alike'
model_mutant 'failures of a smaller baseline kept as of a larger one' src/canary/sign.rs \
    'until(baseline.hits + 1)' \
    'until(baseline.hits)' \
    'canary::tests::sign::the_sign_of_small_tables_is_that_of_all_pairs'
model_mutant 'a sum of bets in place of their mean' src/canary/bets.rs \
    ' - as_f64(STAKES.len() as u64).ln()' \
    '' \
    'canary::tests::sign::a_batch_multiplies_evidence_by_at_most_1_9'
model_mutant 'evidence about a rate that is not punished for requests that go well' src/canary/intervals.rs \
    '((-ln_ratio).exp_m1() * rate).ln_1p();' \
    '((-ln_ratio).exp_m1() * rate).ln_1p() * 0.99;' \
    'canary::tests::peeking::evidence_about_a_changing_rate_expects_at_most_one'
model_mutant 'bursts that show as much as independent failures' src/canary/batches.rs \
    '(chi_square / f64::from(self.batches - 1)).max(1.0)' \
    '(chi_square / f64::from(self.batches - 1)).min(1.0)' \
    'canary::tests::claims::bursts_of_failures_divide_what_they_show'
model_mutant 'a batch of one side' src/canary/batches.rs \
    'baseline.total > 0 && canary.total > 0 && is_over' \
    'canary.total > 0 && is_over' \
    'canary::tests::measurements::an_empty_arm_holds'
model_mutant 'the comparison of a step by the step before' src/canary/bets.rs \
    'self.not_worse = Bet::default();' \
    '' \
    'canary::tests::steps::counts_add_up_over_steps_and_comparisons_begin_anew'
model_mutant 'the harm of a step at the share of the step before' src/canary/decision.rs \
    'self.policy.share_at(self.step + 1)' \
    'self.policy.share_at(self.step)' \
    'canary::tests::claims::each_step_allows_the_harm_of_its_share'
model_mutant 'a limit on three parts' src/canary/limits.rs \
    'const BEYOND: usize = 4;' \
    'const BEYOND: usize = 3;' \
    'canary::tests::limits::a_limit_needs_four_parts_five_hits_and_no_chance'
model_mutant 'an incident of both arms blamed on the canary' src/canary/faults.rs \
    'if !beyond.both {' \
    'if true {' \
    'canary::tests::limits::a_limit_that_both_arms_exceed_holds'
model_mutant 'a run of failures that no outage excuses' src/canary/batches.rs \
    'return Some(InARow::OfBoth(run));' \
    'return Some(InARow::OfCanary(run));' \
    'canary::tests::runs::an_outage_of_both_arms_is_no_run_of_the_canary'
model_mutant 'a run that is excused for ever' src/canary/batches.rs \
    '(kept.in_a_row, kept.excused) = (0, 0);' \
    'kept.in_a_row = 0;' \
    'canary::tests::runs::a_run_after_one_of_both_arms_rolls_back'
model_mutant 'an outage that a restart forgets' src/canary/batches.rs \
    '[of_baseline, of_canary]
        } else' \
    '[Tally::default(); 2]
        } else' \
    'canary::tests::runs::a_restart_during_an_outage_of_both_arms_holds'
model_mutant 'failures that a restart hides' src/canary/run.rs \
    'self.errors.sums.add_cut(cut.tallies(Metric::Errors));' \
    '' \
    'canary::tests::measurements::failures_before_a_restart_are_not_lost'
model_mutant 'a limit that begins anew with each restart' src/canary/limits.rs \
    'self.kept.carried = self.current(limit, was);' \
    '' \
    'canary::tests::measurements::counts_that_fall_leave_the_limits_in_force'
model_mutant 'counts that fell in the batch of those before' src/canary/batches.rs \
    'self.begin(now);
        self.kept.fell = fell;' \
    'self.kept.fell = fell;' \
    'canary::tests::measurements::a_falling_counter_holds_and_begins_a_new_batch'
model_mutant 'a promotion without data' src/canary/decision.rs \
    'Overdue::Promote if obstacles.is_empty()' \
    'Overdue::Promote' \
    'canary::tests::steps::an_overdue_step_holds_unless_told_otherwise'
model_mutant 'trailers that are not read' src/layer/body.rs \
    'awaited.end(trailers);' \
    'awaited.end(None);' \
    'layer::tests::codes::every_code_in_trailers_is_as_published'
model_mutant 'trailers that are counted when the body is polled again' src/layer/body.rs \
    'let is_last = trailers.is_some() || this.body.is_end_stream();' \
    'let is_last = this.body.is_end_stream();' \
    'layer::tests::codes::every_code_in_trailers_is_as_published'
model_mutant 'a body that hyper drops after its announced length, cancelled' src/layer/body.rs \
    'if is_last || awaited.is_completed_by(bytes) {' \
    'if is_last {' \
    'layer::tests::end::a_body_of_the_announced_length_has_ended'
model_mutant 'an announced length that ends a body before its code' src/layer/end.rs \
    '.filter(|_| !awaits_code)' \
    '' \
    'layer::tests::end::a_grpc_body_of_an_announced_length_awaits_its_code'
model_mutant 'a slow end that is good' src/layer/body.rs \
    'Event::Good if is_late => Event::Bad,' \
    'Event::Good if is_late => Event::Good,' \
    'layer::tests::codes::a_slow_end_makes_good_trailers_bad_and_no_others'
model_mutant 'callers that spend the budget with 429' src/types/event.rs \
    'Meaning::Cancelled | Meaning::Stalled | Meaning::Throttled => Self::Excluded,' \
    'Meaning::Throttled => Self::Bad, Meaning::Cancelled | Meaning::Stalled => Self::Excluded,' \
    'layer::tests::statuses::every_status_is_as_published'
model_mutant 'a response that stands for an error, judged by its status' src/layer/http.rs \
    '(!stands_for_an_error).then_some(response)' \
    '(!stands_for_an_error || true).then_some(response)' \
    'layer::tests::choice::an_answer_that_stands_for_an_error_is_bad'
model_mutant 'a choice that counts what the table excludes' src/layer/http.rs \
    'Event::Excluded => Event::Excluded,' \
    'Event::Excluded => Event::Good,' \
    'layer::tests::choice::chosen_codes_are_bad_and_no_others'

mutants_done
