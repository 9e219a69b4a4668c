//! Programs that tests start and that Cargo does not build.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The path of a program. A missing one is installed by `setup`, which has the list of them, if it can.
///
/// # Errors
/// If it is still missing: a sentence with the program, its Debian package and the remedy.
pub(crate) fn program(name: &str) -> Result<PathBuf, String> {
    if let Some(path) = installed(name) {
        return Ok(path);
    }
    // Its standard output tells what it installs, and is for people. Errors are on the other one.
    let setup = Command::new("bash")
        .args([concat!(env!("CARGO_MANIFEST_DIR"), "/../setup"), name])
        .stdin(Stdio::null())
        .stdout(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{name}` is missing, and bash cannot run ./setup: {error}"))?;
    installed(name).ok_or_else(|| match String::from_utf8_lossy(&setup.stderr).trim() {
        "" => format!(
            "`{name}` is in no folder of PATH or of PostgreSQL, although ./setup ended with {}",
            setup.status
        ),
        error => error.to_owned(),
    })
}

/// Debian keeps the programs of PostgreSQL out of the `PATH`.
fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter();
    let mut versions: Vec<_> = versions.flatten().flatten().collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.file_name()));
    let versions = versions
        .into_iter()
        .map(|version| version.path().join("bin"));
    let mut programs = env::split_paths(&path)
        .chain(versions)
        .map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}
