# A crate's mutants.sh sources this file. A mutant is the crate with one line broken on purpose, in a copy of the tree.
# The tests must fail on it; otherwise they prove nothing about that line.
#
#   . "$(dirname "$0")/../.ci/mutants.sh" maestro-bulkhead
#   mutant       'name in words' src/file.rs 'text that stands there once' 'text instead'   # loom models
#   model_mutant 'name in words' src/file.rs 'text that stands there once' 'text instead'   # plain unit tests
#
# `mutants_features` and `mutants_loom_features`, set after this file is sourced, are the features of the plain unit tests and
# of the models, and `mutants_targets` names other plain tests than those of the library. Empty `mutants_sound` after a change.
#
# A fifth argument is the test that is known to fail. It runs first, and the others only if it passes: all models of a crate
# take much longer than one.
# With `MUTANTS_CHECK=1` in the environment nothing is built: each text must stand in its file once.
#   mutants_done
#
# Needs bash, perl, tar and the tool chain.
set -euo pipefail

mutants_package=$1
mutants_dir=${mutants_package#maestro-}
mutants_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mutants_target=${CARGO_TARGET_DIR:-$mutants_root/target}
mutants_copy=$(mktemp -d)
mutants_tried=0
mutants_missed=0
mutants_features=
mutants_loom_features=
mutants_targets=(--lib)
mutants_sound= # kinds of tests that pass on the code as it stands
trap 'rm -rf "$mutants_copy"' EXIT

mutants_fresh_copy() {
    rm -rf "${mutants_copy:?}/tree"
    mkdir -p "$mutants_copy/tree"
    # Tracked and new files as they are in the working tree, without deleted ones. -m gives all of them a new time, or
    # cargo takes the build of the previous mutant for up to date.
    (cd "$mutants_root" && git ls-files -z --cached --others --exclude-standard |
        while IFS= read -r -d '' f; do [ -e "$f" ] && printf '%s\0' "$f"; done |
        tar --null -T - -cf -) | tar -C "$mutants_copy/tree" -xmf -
}

mutants_run() { # kind, time limit in seconds, more arguments for cargo test: runs the copy's tests of that kind
    local kind=$1 flags=${RUSTFLAGS:-} command=(timeout "$2" cargo test --quiet -p "$mutants_package")
    shift 2
    if [ "$kind" = loom ]; then
        flags="$flags --cfg loom" command+=(--lib --profile loom --features "$mutants_loom_features")
    else
        command+=("${mutants_targets[@]}" --features "$mutants_features")
    fi
    cd "$mutants_copy/tree"
    # Incremental: a mutant changes one line. Without it, a build of the models takes five times as long.
    RUSTFLAGS=$flags CARGO_INCREMENTAL=1 CARGO_TARGET_DIR=$mutants_target/mutants-$kind "${command[@]}" "$@"
}

mutants_try() { # kind name file old new [test]
    local kind=$1 name=$2 file=$mutants_dir/$3 first=${6:-} log=$mutants_copy/log status=0 from=$SECONDS
    mutants_tried=$((mutants_tried + 1))
    if [ -n "${MUTANTS_CHECK:-}" ]; then
        OLD=$4 perl -0777 -ne '
            my $n = () = /\Q$ENV{OLD}\E/g;
            die "the text to break stands there $n times, not once\n" unless $n == 1' "$mutants_root/$file" ||
            { mutants_missed=$((mutants_missed + 1)); echo "mutant: $name: $file: bring mutants.sh up to date" >&2; }
        return
    fi
    mutants_fresh_copy
    # A test that fails without a mutant catches nothing.
    case " $mutants_sound " in
        *" $kind "*) ;;
        *)
            (mutants_run "$kind" 1200) >"$log" 2>&1 || # the first build, also on a busy machine
                { echo "$mutants_package: its $kind tests fail without any mutant:" >&2; tail -n 30 "$log" >&2; exit 1; }
            mutants_sound="$mutants_sound $kind"
            ;;
    esac
    OLD=$4 NEW=$5 perl -0777 -i -pe '
        my $n = () = /\Q$ENV{OLD}\E/g;
        die "the text to break stands there $n times, not once\n" unless $n == 1;
        s/\Q$ENV{OLD}\E/$ENV{NEW}/' "$mutants_copy/tree/$file" ||
        { echo "mutant: $name: $file: bring mutants.sh up to date" >&2; exit 1; }
    (mutants_run "$kind" 600 --no-run) >"$log" 2>&1 ||
        { echo "mutant: $name: does not compile, so it shows nothing:" >&2; tail -n 30 "$log" >&2; exit 1; }
    # A mutant that hangs is caught as well: the tests of the real code end well before the limit.
    if [ -n "$first" ]; then
        (mutants_run "$kind" 300 "$first") >"$log" 2>&1 || status=$?
    fi
    [ "$status" -ne 0 ] || (mutants_run "$kind" 300) >"$log" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        mutants_missed=$((mutants_missed + 1))
        echo "MISSED  $mutants_package ($kind, $((SECONDS - from)) s): $name"
    else
        # A test that aborts is named by its panic alone.
        echo "caught  $mutants_package ($kind, $((SECONDS - from)) s): $name: $(grep -m1 -oE "^    [a-z0-9_:]+$|^thread '[a-z0-9_:]+'" "$log" | tr -d "' " | sed 's/^thread//' || true)"
    fi
}

mutant() { mutants_try loom "$@"; }
model_mutant() { mutants_try model "$@"; }
mutants_done() {
    local what=missed
    [ -z "${MUTANTS_CHECK:-}" ] || what='do not apply'
    echo "$mutants_package: $mutants_tried mutants, $mutants_missed $what"
    [ "$mutants_missed" -eq 0 ]
}
