//! The files of the database, and whether they are still in their place.
//!
//! A file that is deleted while it is open can still be written, and SQLite does so without an error. What is written
//! is lost with the process, so a run that is accepted then is lost although its client got a 201.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::StoreError;

/// The database and its log as they were opened.
#[derive(Debug)]
pub(super) struct Files {
    opened: [(PathBuf, Identity); 2],
    /// The loss has been logged.
    told: AtomicBool,
}

/// A file system and the number of a file in it.
type Identity = (u64, u64);

// === impl Files ===

impl Files {
    /// Notes the files of an open database.
    pub(super) fn at(database: &Path) -> io::Result<Self> {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let note = |path: PathBuf| identity(&path).map(|id| (path, id));
        Ok(Self {
            opened: [note(database.to_owned())?, note(log.into())?],
            told: AtomicBool::new(false),
        })
    }

    /// Checks that the files are in their place: two system calls, a hundredth of a commit.
    ///
    /// # Errors
    /// One was deleted, moved or replaced.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let moved = |(path, id): &&(PathBuf, Identity)| identity(path).ok() != Some(*id);
        let Some((path, _)) = self.opened.iter().find(moved) else {
            return Ok(());
        };
        // Clients see the error. They need not know the directory.
        let name = path.file_name().unwrap_or(path.as_os_str());
        let gone = StoreError::Gone(name.to_string_lossy().into_owned());
        // Relaxed: it only spares the log repeats.
        if !self.told.swap(true, Relaxed) {
            tracing::error!(path = %path.display(), error = %gone, "no run can be stored");
        }
        Err(gone)
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let file = fs::metadata(path)?;
    Ok((file.dev(), file.ino()))
}
