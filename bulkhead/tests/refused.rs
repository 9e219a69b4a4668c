//! What the compiler refuses, and what it says. Each program in `refused/` fails to compile, and
//! the error holds the texts of its lines that begin with `//~`. One of them has none, and compiles.
//!
//! Not whole error messages: those change with the compiler.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A package of these programs, with the dependencies of this one.
fn package() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refused-bulkhead");
    let programs = package.join("src/bin");
    fs::create_dir_all(&programs).expect("cargo's directory for tests is writable");
    let manifest = format!(
        "[package]\nname = \"refused\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\nmaestro-bulkhead = {{ path = '{}' }}\n\
         tower = {{ version = \"0.5\", default-features = false, features = [\"util\"] }}\n\n[workspace]\n",
        here.display()
    );
    write(&package.join("Cargo.toml"), &manifest);
    // The versions that are built already. Outside a workspace, in a published crate, any versions.
    if let Ok(lock) = fs::read_to_string(here.join("../Cargo.lock")) {
        write(&package.join("Cargo.lock"), &lock);
    }
    for (name, program) in programs_of(here) {
        write(&programs.join(name).with_extension("rs"), &program);
    }
    package
}

/// Writes a file only if it changes, so that cargo rebuilds nothing.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    fs::write(path, text).expect("cargo's directory for tests is writable");
}

fn programs_of(here: &Path) -> Vec<(String, String)> {
    let directory = here.join("tests/refused");
    let files = fs::read_dir(directory).expect("the programs are beside this test");
    files
        .map(|file| {
            let path = file.expect("it can be listed").path();
            let name = path.file_stem().and_then(|name| name.to_str());
            let name = name.expect("a file has a name").to_owned();
            (name, fs::read_to_string(path).expect("it can be read"))
        })
        .collect()
}

#[test]
fn compiler_errors_say_what_to_do() {
    let package = package();
    let programs = programs_of(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(programs.iter().any(|(_, text)| !text.contains("//~")));
    for (name, program) in programs {
        let output = Command::new(env!("CARGO"))
            .current_dir(&package)
            .args(["check", "--quiet", "--offline", "--bin", &name])
            .env("CARGO_TARGET_DIR", package.join("target"))
            .env("CARGO_TERM_COLOR", "never")
            .output()
            .expect("the cargo that runs this test can be run again");
        // The width of the terminal does not matter.
        let error = String::from_utf8_lossy(&output.stderr);
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected: Vec<_> = program
            .lines()
            .filter_map(|line| line.strip_prefix("//~ "))
            .collect();
        assert_eq!(
            output.status.success(),
            expected.is_empty(),
            "{name}: {error}"
        );
        for text in expected {
            assert!(error.contains(text), "{name}: no `{text}` in: {error}");
        }
    }
}
