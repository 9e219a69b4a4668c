//! Checks compiler errors: each program in `tests/refused/` of a crate fails to compile, and the error contains
//! the text of each of its lines that begin with `//~`. One program has no such line, and compiles.
//!
//! Only our own texts are compared. The rest of an error belongs to the compiler.
//!
//! A crate includes this file as `tests/refused.rs`, and excludes that file and the programs from its package:
//!
//! ```ignore
//! #[path = "../../.ci/refused.rs"]
//! mod refused;
//! const FEATURES: &str = ""; // the features of the crate that the programs need
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const CRATE: &str = env!("CARGO_PKG_NAME");
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn programs_fail_to_compile_with_a_remedy() {
    let programs = programs();
    assert!(programs.iter().any(|(_, text)| !text.contains("//~")));
    let package = package(&programs);
    for (name, program) in programs {
        let output = Command::new(env!("CARGO"))
            .current_dir(&package)
            .args(["check", "--quiet", "--offline", "--bin", &name])
            .env("CARGO_TARGET_DIR", package.join("target"))
            .env("CARGO_TERM_COLOR", "never")
            .output()
            .expect("the cargo that runs this test can be run again");
        // The line breaks depend on the width of the terminal.
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

/// The programs of this crate: name and text.
fn programs() -> Vec<(String, String)> {
    let files = fs::read_dir(Path::new(FOLDER).join("tests/refused")).expect("it is a folder");
    files
        .map(|file| {
            let path = file.expect("it can be listed").path();
            let name = path.file_stem().and_then(|name| name.to_str());
            let name = name.expect("a file has a name").to_owned();
            (name, fs::read_to_string(path).expect("it can be read"))
        })
        .collect()
}

/// Creates a package of the programs that depends on this crate. Returns its folder.
fn package(programs: &[(String, String)]) -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("refused-{CRATE}"));
    let bin = package.join("src/bin");
    fs::create_dir_all(&bin).expect("cargo's folder for tests is writable");
    let features: Vec<_> = super::FEATURES.split_whitespace().collect();
    let manifest = format!(
        "[package]\nname = \"refused\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\n{CRATE} = {{ path = '{FOLDER}', features = {features:?} }}\n\
         tower = {{ version = \"0.5\", default-features = false, features = [\"retry\", \"util\"] }}\n\n\
         [workspace]\n",
    );
    write(&package.join("Cargo.toml"), &manifest);
    // The locked versions are downloaded already.
    let lock = fs::read_to_string(Path::new(FOLDER).join("../Cargo.lock"));
    write(
        &package.join("Cargo.lock"),
        &lock.expect("the workspace has a lock file"),
    );
    for (name, program) in programs {
        write(&bin.join(name).with_extension("rs"), program);
    }
    package
}

/// Writes a file unless it has this text already, so that cargo rebuilds nothing.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    fs::write(path, text).expect("cargo's folder for tests is writable");
}
