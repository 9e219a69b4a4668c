//! The log: lines that a separate thread writes.
//!
//! A log that cannot be written must neither stop nor block the service. `eprintln!` panics if stderr is full or
//! closed, and blocks if it is a pipe that is never read. Here, a call only appends to a queue. The queue is bounded in
//! bytes: a line that finds it full is lost, and so is a line whose write fails. The next line that can be written says
//! how many were lost.
//!
//! `tracing-appender` does not suit: the `Drop` of its guard prints, which panics if stdout is closed as well.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// The largest number of bytes in the queue: some thousands of lines.
const MOST: usize = 1024 * 1024;
/// How long the end of the process waits for the last lines.
const FLUSH: Duration = Duration::from_secs(1);

/// A queue of lines and the thread that writes them. Clones share both.
#[derive(Clone)]
pub(crate) struct Log {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// A line came, or the last one was written.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    lost: u64,
    /// The thread writes a line that is no longer in the queue.
    writing: bool,
}

// === impl Log ===

impl Log {
    /// Starts the thread.
    pub(crate) fn to(target: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let log = Self {
            shared: shared.clone(),
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || shared.write(target))
            .expect("a process that has just started can start a thread");
        log
    }

    /// Appends a line, without waiting for it to be written.
    pub(crate) fn line(&self, line: &str) {
        self.push(format!("{line}\n").into_bytes());
    }

    /// Waits until every line is written, or for a second.
    pub(crate) fn finish(&self) {
        let mut queue = self.shared.queue.lock();
        let unwritten = |queue: &mut Queue| queue.writing || !queue.lines.is_empty();
        let _: parking_lot::WaitTimeoutResult = self
            .shared
            .changed
            .wait_while_for(&mut queue, unwritten, FLUSH);
    }

    fn push(&self, line: Vec<u8>) {
        let mut queue = self.shared.queue.lock();
        if queue.bytes + line.len() > MOST {
            queue.lost += 1;
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        self.shared.changed.notify_all();
    }
}

/// One call of `write` is one line: tracing's formatter writes an event in one call.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// === impl Shared ===

impl Shared {
    /// Writes lines for as long as the process lives.
    fn write(&self, mut target: impl Write) {
        let mut queue = self.queue.lock();
        loop {
            let Some(line) = queue.lines.pop_front() else {
                self.changed.notify_all();
                self.changed.wait(&mut queue);
                continue;
            };
            queue.bytes -= line.len();
            queue.writing = true;
            let mut lost = std::mem::take(&mut queue.lost);
            let written = MutexGuard::unlocked(&mut queue, || {
                if lost > 0 {
                    let notice = format!("conductor: {lost} lines of this log were lost\n");
                    target.write_all(notice.as_bytes())?;
                    lost = 0;
                }
                target.write_all(&line)?;
                target.flush()
            });
            queue.writing = false;
            if written.is_err() {
                queue.lost += lost + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// Each write waits for the test, which says whether it fails, and gets the bytes.
    struct Target {
        allowed: Receiver<bool>,
        written: SyncSender<String>,
    }

    impl Write for Target {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.allowed.recv().unwrap_or(false) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.written.send(text).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log() -> (Log, SyncSender<bool>, Receiver<String>) {
        let (allow, allowed) = sync_channel(9);
        let (written, lines) = sync_channel(9);
        (Log::to(Target { allowed, written }), allow, lines)
    }

    #[test]
    fn a_line_that_cannot_be_written_is_counted_as_lost() {
        let (log, allow, lines) = log();
        log.line("a");
        allow.send(false).unwrap();
        log.line("b");
        for _ in 0..2 {
            allow.send(true).unwrap();
        }
        let notice = lines.recv().unwrap();
        assert!(notice.contains("1 lines of this log were lost"), "{notice}");
        assert_eq!(lines.recv().unwrap(), "b\n");
    }

    #[test]
    fn a_lost_line_is_reported_once() {
        let (log, allow, lines) = log();
        for line in ["a", "b", "c"] {
            log.line(line);
        }
        // "a" fails. The notice of it is written, and "b" fails. Then all is written.
        for written in [false, true, false, true, true] {
            allow.send(written).unwrap();
        }
        for _ in 0..2 {
            let notice = lines.recv().unwrap();
            assert!(
                notice.contains(" 1 lines of this log were lost"),
                "{notice}"
            );
        }
        assert_eq!(lines.recv().unwrap(), "c\n");
    }

    #[test]
    fn a_full_queue_loses_lines_and_blocks_no_caller() {
        let (log, allow, lines) = log();
        let large = "x".repeat(MOST / 2);
        // Nothing may be written yet. At most one line has left the queue, and one fits into it.
        for _ in 0..5 {
            log.line(&large);
        }
        log.line("end");
        for _ in 0..9 {
            allow.send(true).unwrap();
        }
        let all: Vec<_> = lines.iter().take_while(|line| line != "end\n").collect();
        let kept = all.iter().filter(|line| line.starts_with('x')).count();
        assert!((1..=2).contains(&kept), "{kept} lines");
        // One notice, or two if the thread began while lines came.
        let lost = all.iter().filter_map(|line| {
            let line = line.strip_prefix("conductor: ")?;
            let number = line.strip_suffix(" lines of this log were lost\n")?;
            number.parse::<usize>().ok()
        });
        assert_eq!(lost.sum::<usize>(), 5 - kept);
    }

    #[test]
    fn finish_waits_for_the_last_line() {
        let (log, allow, lines) = log();
        for line in ["a", "b"] {
            log.line(line);
            allow.send(true).unwrap();
        }
        log.finish();
        assert_eq!(lines.try_iter().collect::<String>(), "a\nb\n");
    }
}
