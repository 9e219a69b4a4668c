#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-timeout

model_mutant 'the clock asked before the inner call, which then loses a tie' src/race.rs \
    '} => match (inner.poll(cx), *allowance) {' \
    '} => match (if allowance.and_then(Allowance::end).is_some_and(|end| end <= Instant::now()) { Poll::Pending } else { inner.poll(cx) }, *allowance) {'
model_mutant 'the limit counted from the first poll' src/race.rs \
    'let Some(end) = allowance.end() else {' \
    'let Some(end) = Instant::now().checked_add(allowance.elapsed(Instant::now()).limit()) else {'
model_mutant 'the inner call dropped after the answer' src/race.rs \
    'self.set(Self::Over(None));' \
    ''
model_mutant 'a timer armed for an end that has passed' src/race.rs \
    'if end <= now {' \
    'if false {'
model_mutant 'the later of limit and deadline' src/allowance.rs \
    'limit: limit.min(left),' \
    'limit: if deadline.is_some() { left } else { limit },'
model_mutant 'a call made though its deadline has passed' src/service.rs \
    'if deadline.is_some_and(|deadline| deadline < now) {' \
    'if deadline.is_some_and(|deadline| deadline > now && deadline < now) {'

mutants_done
