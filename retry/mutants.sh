#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-retry
mutants_features=http,family
mutants_loom_features=family

mutant 'a call counted by load, then store' src/budget/ratio/ledger.rs \
    'self.calls.0.fetch_add(1, Release);' \
    'self.calls.0.store(self.calls.0.load(Relaxed) + 1, Release);' both_first_calls_of_a_slot_are_counted
mutant 'a retry taken by load, then store' src/budget/ratio/ledger.rs \
    '.compare_exchange_weak(used, end, Release, Acquire)' \
    '.load(Acquire).checked_add(0).map(|seen| self.used.store(end.max(seen), Release)).ok_or(used)' \
    spent_credit_is_not_lost_to_an_eviction
mutant 'a grant that does not publish the calls that paid for it' src/budget/ratio/ledger.rs \
    '.compare_exchange_weak(used, end, Release, Acquire)' \
    '.compare_exchange_weak(used, end, Relaxed, Acquire)' withdrawal_with_credit_is_not_refused
mutant 'a refund by load, then store' src/budget/ratio/ledger.rs \
    '.fetch_sub(credit::refund(end, expired), Relaxed);' \
    '.store(self.used.load(Relaxed) - credit::refund(end, expired), Relaxed);' concurrent_refunds_both_return_credit
mutant 'a slot marked by a store' src/budget/ratio/ledger.rs \
    '.compare_exchange(old, mark, Release, Acquire)' \
    '.load(Acquire).checked_add(0).map(|_| self.mark(slot).store(mark, Release)).ok_or(old)' \
    both_first_calls_of_a_slot_are_counted
mutant 'the end of a marked slot not published' src/budget/ratio/ledger.rs \
    'self.marked.fetch_max(era.end(slot), Release);' \
    'self.marked.fetch_max(era.end(slot), Relaxed);' call_that_skips_the_mark_sees_it
model_mutant 'a clock reading that was ahead is kept' src/budget/ratio/ledger.rs \
    'era.end(now + 1) {
            self.marked.store(0, Relaxed);' \
    'era.end(now + 1) {' retry_resets_a_clock_reading_that_was_ahead
mutant 'the calls read before the used credit' src/budget/ratio/ledger.rs \
    'let mut used = self.used.load(Acquire);
        loop {
            let Line {
                earned, expired, ..
            } = self.read(nanos);' \
    'let Line {
            earned, expired, ..
        } = self.read(nanos);
        let mut used = self.used.load(Acquire);
        loop {' withdrawal_with_credit_is_not_refused
mutant 'tokens changed by load, then store' src/budget/tokens.rs \
    '.fetch_update(Relaxed, Relaxed, |word| {
                by(Bucket::unpack(word)).map(Bucket::pack)
            })
            .map(Bucket::unpack)' \
    '.load(Relaxed)
            .checked_add(0)
            .and_then(|word| by(Bucket::unpack(word)).map(|to| (word, to.pack())))
            .inspect(|(_, to)| self.0.store(*to, Relaxed))
            .map(|(word, _)| Bucket::unpack(word))
            .ok_or(0)' a_smaller_bucket_is_never_overfull
mutant 'a retry of the floor taken by load, then store' src/budget/floor.rs \
    '.compare_exchange_weak(used, end, Relaxed, Acquire)' \
    '.load(Acquire).checked_add(0).map(|_| self.used.store(end, Relaxed)).ok_or(used)' \
    a_change_of_the_floor_grants_no_more_than_was_saved
mutant 'a floor that changes while it grants' src/budget/floor.rs \
    'self.used.swap(CHANGING, AcqRel)' \
    'self.used.load(Acquire)' a_change_of_the_floor_grants_no_more_than_was_saved
model_mutant 'a floor that is saved up for ever' src/budget/floor.rs \
    'used.max(now - rate.saved()).checked_add(rate.stretch)' \
    'used.checked_add(rate.stretch)' changed_floor_keeps_the_number_of_retries
mutant 'a retry in flight counted by load, then store' src/budget/flight.rs \
    '.fetch_update(Relaxed, Relaxed, |word| {
                limit.admits(Counts::unpack(word)).then(|| word + RETRY)
            })
            .is_ok()' \
    '.load(Relaxed)
            .checked_add(0)
            .filter(|word| limit.admits(Counts::unpack(*word)))
            .inspect(|word| self.counts.store(word + RETRY, Relaxed))
            .is_some()' concurrent_calls_leave_the_counts_at_zero
model_mutant 'tokens given above the cap' src/budget/tokens.rs \
    'bucket.left.saturating_add(tokens).min(bucket.most)' \
    'bucket.left.saturating_add(tokens)' cost_bucket_matches_a_sum_and_keeps_its_bound
model_mutant 'a refund of what has expired' src/budget/ratio/credit.rs \
    'end.saturating_sub(expired).min(RETRY)' \
    'end.min(RETRY).max(expired.min(RETRY))' ledger_matches_a_list_of_all_calls
model_mutant 'a delay above the cap' src/backoff/mod.rs \
    'delay.min(self.cap)' \
    'delay' delays_at_the_cap_are_spread
model_mutant 'jitter added after the cap' src/backoff/jitter.rs \
    'delay.saturating_add(spread).min(cap)' \
    'delay.saturating_add(spread)' delays_at_the_cap_are_spread
model_mutant 'decorrelated delays cut off at the cap' src/backoff/jitter.rs \
    'first.min(most / 2), most' \
    'first.min(most), most' delays_at_the_cap_are_spread
model_mutant 'a decorrelated delay below the first of its backoff' src/backoff/jitter.rs \
    'last.unwrap_or(first).max(first)' \
    'last.unwrap_or(first)' decorrelated_delay_does_not_undercut_another_backoff
model_mutant 'a backoff that continues after a hint' src/backoff/delays.rs \
    'retry.saturating_sub(self.hinted).max(1)' \
    'retry' delays_start_again_after_a_hint
model_mutant 'a code in trailers that stays behind the head' src/http/first_frame/future.rs \
    'Some(0) => (Some(Ok(Frame::trailers(trailers))), None),' \
    'Some(0 | 14) => (Some(Ok(Frame::trailers(trailers))), None),' a_code_in_trailers_does_not_end_a_hedged_call
model_mutant 'an empty frame taken for a message' src/http/first_frame/future.rs \
    'Some(Ok(frame)) if is_empty(frame)' \
    'Some(Ok(frame)) if false && is_empty(frame)' an_unavailable_code_in_trailers_is_retried
model_mutant 'a trailer that frames the head' src/http/first_frame/future.rs \
    'trailers.remove(name);' \
    '' trailers_do_not_change_how_the_head_is_read
model_mutant 'the head of a response that is not gRPC held back' src/http/first_frame/future.rs \
    '&& awaits_code(&response)' \
    '' caller_sees_the_frames_of_the_body_in_order
model_mutant 'a response held back whose request is not repeated' src/http/first_frame/future.rs \
    '*waits && ' \
    '' a_call_that_must_not_run_twice_is_not_held_back
model_mutant 'a first frame that is lost' src/http/first_frame/body.rs \
    'return Poll::Ready(Some(first.frame));' \
    'drop(first);' a_body_cut_after_data_is_the_answer
model_mutant 'the end of a body before its first frame' src/http/first_frame/body.rs \
    'self.first.is_none() && ' \
    '' caller_sees_the_frames_of_the_body_in_order
model_mutant 'a rejection of a body that is retried' src/http/first_frame/future.rs \
    'Some(Err(error)) if error.is_rejection() =>' \
    'Some(Err(error)) if false && error.is_rejection() =>' a_boxed_error_of_the_body_is_seen_as_well
model_mutant 'the answer to a rejection judged by its status' src/http/classify.rs \
    'if meaning == Meaning::Rejected || headers' \
    'if headers' a_missing_code_is_a_failure_for_the_budget
model_mutant 'a code 0 that may be retried' src/http/classify.rs \
    'code != 0 && (self.codes)(code)' \
    '(self.codes)(code)' chosen_codes_replace_those_of_the_table
model_mutant 'a cancelled call that fills the budget' src/http/classify.rs \
    'if meaning == Meaning::Cancelled && !is_retried' \
    'if false && !is_retried' a_missing_code_is_a_failure_for_the_budget
model_mutant 'a failed call held while it is answered' src/fallback/future.rs \
    'this.state.set(State::Ended);' \
    '' failed_call_is_dropped_before_the_answer_begins
model_mutant 'a readiness error without an answer' src/fallback/service.rs \
    'self.not_ready = ready!(self.inner.poll_ready(cx)).err();' \
    'ready!(self.inner.poll_ready(cx))?;' readiness_error_does_not_pass_through

mutant 'a step of the hedge by load, then store' src/hedge/pace.rs \
    '.fetch_update(Release, Acquire, |word| {
                by(Level::unpack(word)).map(Level::pack)
            })
            .is_ok()' \
    '.load(Acquire)
            .checked_add(0)
            .and_then(|word| by(Level::unpack(word)).map(Level::pack))
            .inspect(|word| self.word.store(*word, Release))
            .is_some()' \
    'hedge::models::concurrent_calls_pay_and_lower_the_delay_once_each'
mutant 'a step of the hedge by numbers of before' src/hedge/pace.rs \
    'Some(Level { log, era, credit }.pack())' \
    'Some(Level { log, era: level.era, credit }.pack())' \
    'hedge::models::a_change_of_the_burst_leaves_no_credit_above_it'
mutant 'a retry granted by calls of other terms' src/budget/ratio/ledger.rs \
    'if self.era.plan() == plan {' \
    'if self.era.plan() >= plan {' \
    'budget::ratio::models::calls_after_a_change_pay_by_its_terms'
model_mutant 'credit revived by a longer ttl' src/budget/ratio/ledger.rs \
    'self.used.fetch_max(line.expired, Relaxed);' \
    '' \
    'budget::ratio::tests::changes_bring_no_credit'
model_mutant 'credit for hedges without a cap' src/hedge/pace.rs \
    'credit: level.credit.saturating_add(self.pay).min(self.most),' \
    'credit: level.credit.saturating_add(self.pay),' hedges_are_paid_for_by_fast_calls
model_mutant 'a slow call that pays for a hedge' src/hedge/pace.rs \
    'log: level.log.saturating_add(self.up).min(self.highest),
            ..level' \
    'log: level.log.saturating_add(self.up).min(self.highest),
            credit: level.credit.saturating_add(self.pay).min(self.most),
            ..level' hedges_are_paid_for_by_fast_calls
model_mutant 'a delay at the quantile of the slow calls' src/hedge/pace.rs \
    'up: scaled(STEP * quantile, OCTAVE),' \
    'up: scaled(STEP * quantile * 0.8, OCTAVE),' eight_slow_calls_double_the_delay_and_800_fast_ones_halve_it
model_mutant 'a live delay that sinks below its bound unseen' src/hedge/pace.rs \
    '.saturating_sub(self.down).max(self.lowest)' \
    '.saturating_sub(self.down)' live_delay_leaves_its_bounds_at_once

mutant 'numbers of two revisions in one reading' src/cell.rs \
    'if after == plan {' \
    'if after >= plan {' concurrent_calls_leave_the_counts_at_zero
model_mutant 'a budget of a family that goes with its credit spent' src/budget/ratio/ledger.rs \
    'left >= line.era.terms.reserve()' \
    'left <= line.era.terms.reserve()' family_hears_of_present_and_future_members_and_the_overflow
mutant 'a budget of a family that goes with credit spent meanwhile' src/budget/family/members.rs \
    'Ok(gone) if gone.is_like_new(now) => {' \
    'Ok(gone) if gone.is_like_new(now) || true => {' \
    'budget::family::models::spent_credit_is_not_lost_to_an_eviction'
model_mutant 'a member that its key does not reach in a pause' src/budget/family/members.rs \
    'if self.pause.is_on(Instant::now) && self.map.get(key, |_| ()).is_none() {' \
    'if self.pause.is_on(Instant::now) {' \
    'budget::family::tests::a_key_at_the_lock_sees_a_pause_that_has_just_begun'
model_mutant 'a queue of keys that each search' src/budget/family/members.rs \
    'if self.pause.is_on(|| now) {
            return None;' \
    'if false {
            return None;' \
    'budget::family::tests::a_key_at_the_lock_sees_a_pause_that_has_just_begun'
mutant 'a change of a budget reported without the lock' src/budget/watch.rs \
    'let changing = self.changing.lock();' \
    'let changing = self.name;' the_last_event_agrees_with_the_state
mutant 'a further refusal by load, then store' src/budget/watch.rs \
    'if self.refused.fetch_update(Relaxed, Relaxed, moved).is_err() {' \
    'if moved(self.refused.load(Relaxed)).inspect(|to| self.refused.store(*to, Relaxed)).is_none() {' \
    the_last_event_agrees_with_the_state
model_mutant 'a retry of a floor that was removed' src/budget/floor.rs \
    'if rate.stretch == 0 {' \
    'if false {' changed_floor_keeps_the_number_of_retries
model_mutant 'a budget that grants again at once' src/budget/watch.rs \
    '&& quiet >= QUIET' \
    '' a_budget_grants_again_after_ten_quiet_seconds

mutant 'a delay of two eras' src/hedge/pace.rs \
    'if after.era == level.era {' \
    'if after.era >= level.era {' \
    'hedge::models::a_delay_during_two_changes_is_that_of_one_era'

mutant 'a number of a hedge read after its era' src/hedge/pace.rs \
    'set.each_ref().map(|word| word.load(Acquire))' \
    'set.each_ref().map(|word| word.load(crate::sync::atomic::Ordering::Relaxed))' \
    'hedge::models::a_delay_during_two_changes_is_that_of_one_era'

mutant 'an override that is ended by the end of the one before' src/policy/switch.rs \
    'let mut forced = self.forced.lock();
        if now < self.end.load(Relaxed) {' \
    'let mut forced = self.forced.lock();
        if false {' \
    'policy::switch::models::the_end_of_an_override_does_not_end_the_next'
mutant 'an override whose end is told twice' src/policy/switch.rs \
    'if let Some(by) = forced.take() {' \
    'if let Some(by) = forced.clone() {' \
    'policy::switch::models::the_end_of_an_override_is_told_once'

# What a layer does, and not the core alone, is tested over mocked services.
mutants_targets=(--test contract)
mutants_sound=
model_mutant 'a policy whose layers keep its first numbers' src/policy/config.rs \
    'self.cell.change(|| pack(to, &self.customs));' \
    'let _ = to;' \
    'running_layer_obeys_other_numbers'

mutants_done
