#!/usr/bin/env bash
# The crate with one line broken. Its tests must fail.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-timeout
mutants_features=family
mutants_loom_features=family

mutant 'a limit written in two halves' src/limit/plain.rs \
    'self.0.store(Nanos::from(limit).into(), Relaxed);' \
    'let new = u64::from(Nanos::from(limit)); let old = self.0.load(Relaxed); self.0.store(new >> 32 << 32 | old & 0xffff_ffff, Relaxed); self.0.store(new, Relaxed);' \
    a_reader_sees_the_old_or_the_new_limit
mutant 'an override ended by a thread that no longer finds it' src/limit/forced.rs \
    'if let Some(forced) = state.forced.take_if(is_over) {' \
    'if let Some(forced) = state.forced.as_ref().map(|forced| Forced { by: forced.by.clone(), until: forced.until }) {' \
    a_call_and_an_eviction_tell_the_end_of_an_override_once
mutant 'an override with the end of the one before' src/limit/forced.rs \
    'self.effective.store(to.into(), Release);' \
    'self.effective.store(to.into(), Relaxed);' \
    'tests::loom::a_new_override_never_has_the_end_of_the_old_one'
mutant 'an override read without an order with its end' src/limit/forced.rs \
    'let word = self.effective.load(Acquire);' \
    'let word = self.effective.load(Relaxed);' \
    'tests::loom::a_new_override_never_has_the_end_of_the_old_one'
mutant 'an end read without a second look at its override' src/limit/forced.rs \
    '&& self.effective.load(Relaxed) == word {' \
    '&& self.effective.load(Relaxed) != 0 {' \
    'tests::loom::an_old_override_never_has_the_end_of_the_new_one'
mutant 'a second look without an order with the end' src/limit/forced.rs \
    'if now < self.until.load(Acquire)' \
    'if now < self.until.load(Relaxed)' \
    'tests::loom::an_old_override_never_has_the_end_of_the_new_one'
mutant 'an end stored without an order with the word before' src/limit/forced.rs \
    'self.until.store(until, Release);' \
    'self.until.store(until, Relaxed);' \
    'tests::loom::an_old_override_never_has_the_end_of_the_new_one'
mutant 'a request counted by load, then store' src/window/mod.rs \
    '.compare_exchange_weak(seen, next.word(), Relaxed, Relaxed)' \
    '.swap(next.word(), Relaxed).checked_add(0).ok_or(0)' three_threads_never_exceed_the_share
mutant 'a member with a handle that goes' src/family/members.rs \
    '|| timeout.handles() > OWN_HANDLES' \
    '|| timeout.handles() > OWN_HANDLES + 1' \
    'family::models::a_forced_limit_is_not_lost_to_an_eviction'
mutant 'settings of two changes at once' src/family/mod.rs \
    'if self.0.members.lock().revision == revision {' \
    'if self.0.members.lock().revision >= revision {' \
    'family::models::concurrent_changes_leave_all_members_alike'
mutant 'the end of an override of dark mode that ends the next one' src/filter/forced.rs \
    'let is_over = self.until.load(Relaxed) <= self.ticks(now);' \
    'let is_over = true;' \
    'filter::forced::models::a_new_override_survives_the_end_of_the_old_one'
model_mutant 'a member that its key does not reach in a pause' src/family/members.rs \
    'if self.pause.is_on(Instant::now) && self.map.get(key, |_| ()).is_none() {' \
    'if self.pause.is_on(Instant::now) {' \
    'family::tests::a_key_at_the_lock_sees_a_pause_that_has_just_begun'
model_mutant 'a queue of keys that each search' src/family/members.rs \
    'if self.pause.is_on(|| now) {
            return None;' \
    'if false {
            return None;' \
    'family::tests::a_key_at_the_lock_sees_a_pause_that_has_just_begun'
model_mutant 'a forced limit that a new key evicts' src/limit/forced.rs \
    '&& !state.forced.as_ref().is_some_and(holds)' \
    '&& { let _ = holds; true }' \
    'family::tests::member_with_a_forced_limit_stays_until_its_end'
model_mutant 'the clock read before the inner call is polled, which then loses a tie' src/race.rs \
    '} => match (inner.poll(cx), allowance) {' \
    '} => match (if allowance.and_then(Allowance::end).is_some_and(|end| end <= tokio::time::Instant::now()) { Poll::Pending } else { inner.poll(cx) }, allowance) {' \
    calls_end_as_the_naive_model_says
model_mutant 'the limit counted from the first poll' src/timer.rs \
    'let Some(end) = allowance.end() else {' \
    'let Some(end) = timer.as_ref().as_pin_ref().map_or_else(|| tokio::time::Instant::now().checked_add(allowance.parts().1), |sleep| Some(sleep.deadline())) else {' \
    calls_end_as_the_naive_model_says
model_mutant 'the inner call dropped after the answer' src/race.rs \
    'self.set(Self::Over(None));' \
    '' calls_end_as_the_naive_model_says
model_mutant 'a timer armed for a limit of zero' src/timer.rs \
    'if allowance.is_zero() {' \
    'if allowance.is_zero() && false {' calls_end_as_the_naive_model_says
model_mutant 'the later of limit and deadline' src/types/allowance.rs \
    'if left < limit {' \
    'if left <= Nanos::UNBOUNDED {' calls_end_as_the_naive_model_says
model_mutant 'a call made though its deadline has passed' src/types/allowance.rs \
    'if deadline.is_some_and(|deadline| deadline < now) {' \
    'if deadline.is_some_and(|deadline| deadline > now && deadline < now) {' calls_end_as_the_naive_model_says

model_mutant 'one rejection more than the share' src/window/order.rs \
    '(multiplier * (position + 1) + start) % HUNDRED < self.rejections' \
    '(multiplier * (position + 1) + start) % HUNDRED <= self.rejections' a_new_share_never_exceeds_itself
model_mutant 'a first hundred that is ahead of its share' src/window/order.rs \
    '(0, Some(start)) => u32::from(*start),' \
    '(0, Some(start)) => u32::from(*start) + 1,' a_new_share_never_exceeds_itself
model_mutant 'the same order in each hundred' src/window/order.rs \
    'mix(seed).to_be_bytes()' \
    'mix(seed / seed).to_be_bytes()' kinds_in_turn_get_close_to_their_share

mutants_done
