#!/usr/bin/env bash
# The crate with one line broken: its tests must notice.
. "$(dirname "$0")/../.ci/mutants.sh" maestro-timeout

model_mutant 'the clock asked before the inner call, which then loses a tie' src/race.rs \
    '} => match (inner.poll(cx), *allowance) {' \
    '} => match (if allowance.is_some_and(|a| a.check(Instant::now()).is_err()) { Poll::Pending } else { inner.poll(cx) }, *allowance) {'
model_mutant 'the limit counted from the first poll' src/race.rs \
    'let end = allowance.end();' \
    'let end = Instant::now() + allowance.elapsed(Instant::now()).limit();'
model_mutant 'the inner call dropped after the answer' src/race.rs \
    'self.set(Self::Over(None));' \
    ''
model_mutant 'a timer armed for an end that has passed' src/race.rs \
    'if let Err(elapsed) = allowance.check(Instant::now()) {' \
    'if let (false, Err(elapsed)) = (true, allowance.check(Instant::now())) {'
model_mutant 'the later of limit and deadline' src/allowance.rs \
    'let limit = limit.min(left);' \
    'let limit = if deadline.is_some() { left } else { limit };'
model_mutant 'a call made though its deadline has passed' src/service.rs \
    'if deadline.is_some_and(|deadline| deadline < now) {' \
    'if deadline.is_some_and(|deadline| deadline > now && deadline < now) {'

mutants_done
