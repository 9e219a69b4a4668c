//! Whether a link leads somewhere, as far as the repository shows it.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use crate::{
    document::Document,
    page::{Page, root},
};

const REPOSITORY: &str = "https://github.com/maestro-resilience/maestro/";
const DOCS: &str = "https://docs.rs/maestro-";

pub(crate) fn check(page: &Page, link: &str) -> Result<(), String> {
    if let Some(path) = link.strip_prefix(REPOSITORY) {
        let path = ["blob/main/", "tree/main/"]
            .iter()
            .find_map(|kind| path.strip_prefix(kind));
        return in_repository(
            Path::new(""),
            path.ok_or("neither blob/main nor tree/main")?,
        );
    }
    if let Some(path) = link.strip_prefix(DOCS) {
        return in_docs(path);
    }
    if link.starts_with("https://") || link.starts_with("http://") {
        return Ok(());
    }
    match link.strip_prefix('#') {
        Some(anchor) => has_anchor(&page.document, anchor),
        None => in_repository(page.path.parent().unwrap_or(Path::new("")), link),
    }
}

/// `path` begins at `folder`, and may end with an anchor.
fn in_repository(folder: &Path, path: &str) -> Result<(), String> {
    let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
    let path = root().join(inside(&folder.join(path)).ok_or("leads out of the repository")?);
    let target = if path.is_dir() {
        path.join("README.md")
    } else {
        path.clone()
    };
    if !path.exists() {
        Err("there is no such file or folder".into())
    } else if anchor.is_empty() {
        Ok(())
    } else if target.extension().is_none_or(|kind| kind != "md") {
        Err("only headings are anchors, as lines of code move".into())
    } else {
        has_anchor(&Document::new(&read(&target)?), anchor)
    }
}

/// `path` without `.` and `..`; `None` if it leaves the repository.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => inside.push(part),
            Component::CurDir => (),
            Component::ParentDir => inside.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(inside)
}

fn has_anchor(document: &Document, anchor: &str) -> Result<(), String> {
    let is_there = document.anchors.iter().any(|known| known == anchor);
    is_there
        .then_some(())
        .ok_or(format!("there is no heading `#{anchor}`"))
}

/// `path` is what follows `maestro-` in the address of a page on docs.rs, such as
/// `retry/latest/maestro_retry/struct.RetryBudget.html#method.builder`. Items are looked for in the text of the sources.
fn in_docs(path: &str) -> Result<(), String> {
    let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
    let (name, page) = path.split_once('/').unwrap_or((path, ""));
    let sources = root().join(name).join("src");
    if !sources.is_dir() {
        return Err(format!("there is no crate maestro-{name}"));
    }
    if page.is_empty() {
        return Ok(());
    }
    let expected = format!("latest/maestro_{}/", name.replace('-', "_"));
    let item = page
        .strip_prefix(&expected)
        .ok_or(format!("expected {expected}…"))?;
    if let Some(module) = item.strip_suffix("index.html") {
        let module = module.trim_end_matches('/');
        let file = module.rsplit('/').next().unwrap_or(module);
        let file = sources.join(file).with_extension("md");
        return match (file.is_file(), anchor) {
            (_, "") if module.is_empty() => Ok(()),
            (true, "") => Ok(()),
            (true, anchor) => has_anchor(&Document::new(&read(&file)?), anchor),
            (false, _) => Err("only the crate and its guide can be checked".into()),
        };
    }
    let code = read_all(&sources)?;
    let is_in_code = |what: &str| {
        let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let found = code
            .match_indices(what)
            .any(|(at, _)| is_end(&code[at + what.len()..]));
        found
            .then_some(())
            .ok_or(format!("`{what}` is not in the sources"))
    };
    let mut parts = item.rsplit('/').next().unwrap_or(item).split('.');
    let (Some(kind), Some(name), Some("html")) = (parts.next(), parts.next(), parts.next()) else {
        return Err("expected a page such as struct.Name.html".into());
    };
    is_in_code(&format!("pub {kind} {name}"))?;
    match anchor.split_once('.') {
        None if anchor.is_empty() => Ok(()),
        Some(("method" | "tymethod", method)) => is_in_code(&format!("fn {method}")),
        Some(("variant", variant)) => is_in_code(variant),
        _ => Err(format!("`#{anchor}` is no anchor of an item")),
    }
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The text of all sources beneath `folder`.
fn read_all(folder: &Path) -> Result<String, String> {
    let mut all = String::new();
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            all += &read_all(&path)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            all += &read(&path)?;
        }
    }
    Ok(all)
}
