//! The layers of the default order from one TOML file, which may change while the program runs.
//!
//! ```sh
//! cargo run -p maestro-examples --example one_file                 # with the file beside this program
//! cargo run -p maestro-examples --example one_file -- my.toml 60   # with yours, for 60 seconds: edit it meanwhile
//! ```

mod config;
mod handles;

#[cfg(test)]
mod tests;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tower::{Service, ServiceExt, service_fn};

use self::{
    config::Config,
    handles::{Handles, StoreError},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().map_or_else(shipped, PathBuf::from);
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse::<u32>())?;
    let handles = Handles::build(&Config::read(&path)?)?;
    // A store that fails each twentieth call.
    let mut store = handles.stack(service_fn(async |n: u32| {
        if n.is_multiple_of(20) {
            Err(StoreError::Lost)
        } else {
            Ok(n)
        }
    }));
    let mut seen = modified(&path);
    for second in 0..seconds {
        let mut answered = 0;
        for n in 0..100 {
            answered += u32::from(store.ready().await?.call(n).await.is_ok());
        }
        println!(
            "second {second}: {answered} of 100 calls answered; circuit {}, at most {} in flight, {} bad",
            handles.breaker.state(),
            handles.bulkhead.limit(),
            handles.budget.report().period().counts().bad(),
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = modified(&path);
        if now != seen {
            seen = now;
            // A file that is refused leaves everything as it is, and says why.
            match Config::read(&path).and_then(|to| handles.reload(&to)) {
                Ok(()) => println!("reloaded {}", path.display()),
                Err(error) => println!("not reloaded: {error}"),
            }
        }
    }
    Ok(())
}

/// The file beside this program.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/one_file/stack.toml")
}

/// When the file was written, where the file system tells.
fn modified(path: &Path) -> Option<impl PartialEq> {
    fs::metadata(path).ok()?.modified().ok()
}
