//! Runs the program `slo` as a user does.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Output},
    sync::LazyLock,
};

use tempfile::TempDir;

mod programs;

/// `cargo test` builds examples before it runs tests; for this test alone (`--test slo_program`) it does not.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut folder = env::current_exe().expect("a test knows where it is");
    folder.pop();
    folder.pop();
    let program = folder.join("examples").join("slo");
    if !program.exists() {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--package",
                "maestro-examples",
                "--example",
                "slo",
            ])
            .status();
        assert!(
            built.is_ok_and(|status| status.success()),
            "the example `slo` does not build"
        );
    }
    program
});

fn slo(args: &[&str]) -> Output {
    Command::new(&*PROGRAM)
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program runs")
}

/// The standard output of a successful run without errors.
fn printed(args: &[&str]) -> String {
    let output = slo(args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {errors}");
    assert_eq!(errors, "", "{args:?}");
    String::from_utf8(output.stdout).expect("what is printed is text")
}

/// The status and the standard error of a failed run that printed nothing.
fn refused(args: &[&str]) -> (i32, String) {
    let output = slo(args);
    assert!(output.stdout.is_empty(), "{args:?}");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("it ended by itself"), errors)
}

#[test]
fn check_describes_the_samples() {
    let text = printed(&[
        "check",
        "slo/availability.yaml",
        "slo/latency.yaml",
        "slo/dispatch.json",
    ]);
    for line in [
        "conductor/runs: 99.9% over 30d",
        "page    at a burn rate above 14.4    over 1h and 5m: more than 1.44% bad; a total outage is noticed after 51.84s",
        "good is what is answered within 250ms",
        "conductor/dispatch: 99.5% over 7d",
        "95% over 28d\n  a total outage may last 1d9h36m",
        // A legal setting that is probably a mistake.
        "  note: number 1 fires only when more than 67.2 % of all events are bad; lower its share",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
}

#[test]
fn printed_rules_and_tests_pass_promtool() {
    let dir = TempDir::new().expect("there is room for a folder");
    let write =
        |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("and for a file");
    write(
        "dispatch.rules.yaml",
        &printed(&["rules", "slo/dispatch.json"]),
    );
    write(
        "dispatch.tests.yaml",
        &printed(&[
            "tests",
            "slo/dispatch.json",
            "--rules",
            "dispatch.rules.yaml",
        ]),
    );
    let promtool = programs::program("promtool").unwrap_or_else(|missing| panic!("{missing}"));
    let promtool = Command::new(promtool)
        .args(["test", "rules", "dispatch.tests.yaml"])
        .current_dir(dir.path())
        .output()
        .expect("it is installed");
    assert!(
        promtool.status.success(),
        "{}",
        String::from_utf8_lossy(&promtool.stderr)
    );
}

#[test]
fn simulate_is_reproducible() {
    let text = printed(&["simulate", "slo/availability.yaml"]);
    assert_eq!(text, printed(&["simulate", "slo/availability.yaml"]));
    let line = |time: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(time));
        line.unwrap_or_else(|| panic!("no {time} in\n{text}"))
    };
    // Healthy, five minutes of outage, the short window of the first page over, half an hour without traffic.
    assert!(
        line("2h ").contains(" -  ") && line("2h ").ends_with("go      open"),
        "{text}"
    );
    assert!(
        line("2h5m ").contains("page 1h, page 6h, ticket 1d, ticket 3d no-go   admits 1%"),
        "{text}"
    );
    assert!(
        line("2h15m ").contains("page 6h, ticket 1d, ticket 3d no-go"),
        "{text}"
    );
    assert!(line("2h40m ").ends_with("no-go   open"), "{text}");
    assert!(line("3h40m ").contains("       0      0%"), "{text}");
}

#[test]
fn simulate_plays_the_given_phases() {
    let args = [
        "simulate",
        "slo/dispatch.json",
        "--phase",
        "1h:0%",
        "--phase",
        "10m:50%:1",
        "--every",
        "70m",
    ];
    let text = printed(&args);
    let [_, line] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("not one line, but\n{text}")
    };
    // 300 of 600 + 29,900 bad in the last hour, which falls short by a slot: 0.98 %, where 0.5 % may be.
    assert!(line.contains("1h10m        1     50%      1.97"), "{text}");
}

#[test]
fn mistakes_go_to_stderr_with_file_line_and_column() {
    let dir = TempDir::new().expect("there is room for a folder");
    let path = dir.path().join("wrong.yaml");
    let path = path.to_str().expect("its name is text");
    fs::write(
        path,
        "service: a\nslo: b\nobjectve: 99.9%\nindicator: { total: m, bad: 'm{' }\n",
    )
    .expect("and for a file");
    for command in ["check", "rules", "tests", "simulate"] {
        let (status, errors) = refused(&[command, path]);
        assert_eq!(status, 1);
        assert!(
            errors.contains(&format!(
                "{path}:3:1: objectve: there is no such field: did you mean `objective`?\n"
            )),
            "{errors}"
        );
        assert!(errors.contains(&format!("{path}:4:")), "{errors}");
    }
    let (status, errors) = refused(&["check", "slo/nowhere.yaml", "slo/latency.yaml"]);
    assert_eq!(status, 1);
    assert!(
        errors.starts_with("slo/nowhere.yaml: No such file"),
        "{errors}"
    );
}

#[test]
fn check_refuses_an_objective_that_is_there_twice() {
    let dir = TempDir::new().expect("there is room for a folder");
    let write = |name: &str, labels: &str| {
        let path = dir.path().join(name);
        let spec =
            "service: a\nslo: b\nobjective: 99.9%\nindicator: { total: m, bad: 'm{c=\"500\"}' }\n";
        fs::write(&path, format!("{spec}{labels}")).expect("and for a file");
        path.to_str().expect("its name is text").to_owned()
    };
    let eu = write("eu.yaml", "labels: { cluster: eu }\n");
    let us = write("us.yaml", "labels: { cluster: us }\n");
    let again = write("again.yaml", "labels: { 'cluster': 'eu' }\n");
    assert!(printed(&["check", &eu, &us]).contains("a/b: 99.9% over 30d"));
    let (status, errors) = refused(&["check", &eu, &us, &again]);
    assert_eq!(status, 1);
    let told = format!("{again}: the objective a/b, cluster: eu is already in {eu}, and the rules");
    assert!(errors.starts_with(&told), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    // Without the label it selects both.
    let any = write("any.yaml", "");
    assert_eq!(refused(&["check", &eu, &any]).0, 1);
    assert_eq!(refused(&["check", &any, &us]).0, 1);
}

#[test]
fn a_wrong_command_prints_the_right_form() {
    for (args, told) in [
        (&["chek"][..], "check"),
        (&["check"], "<SPEC>"),
        (
            &["simulate", "slo/latency.yaml", "--phase", "1h"],
            "write `10m:100%`",
        ),
        (
            &["simulate", "slo/latency.yaml", "--phase", "1h:101%"],
            "write `10m:100%`",
        ),
        (
            &["simulate", "slo/latency.yaml", "--every", "5 min"],
            "write `90s`, `5m`, `1h30m` or `3d`",
        ),
        (
            &["simulate", "slo/latency.yaml", "--every", "0s"],
            "write `90s`, `5m`, `1h30m` or `3d`",
        ),
        (
            &["simulate", "slo/latency.yaml", "--every", "ü"],
            "write `90s`, `5m`, `1h30m` or `3d`",
        ),
        (
            &["simulate", "slo/latency.yaml", "--phase", "600w:1%"],
            "longer than ten years",
        ),
    ] {
        let (status, errors) = refused(args);
        assert_eq!(status, 2, "{args:?}: {errors}");
        assert!(errors.contains(told), "{args:?}: {errors}");
    }
    let help = printed(&["--help"]);
    for command in ["check", "rules", "tests", "simulate", "Exit status"] {
        assert!(help.contains(command), "{help}");
    }
}
