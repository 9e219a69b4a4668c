//! What one evaluation of Prometheus rules costs: the samples that it reads and the time that it takes, with 200 series of
//! three days. Files of other rules are measured on the same data, if they select the same counters.
//!
//! ```sh
//! cargo run --release -p maestro-examples --example slo_rules_cost -- [other.rules.yaml …]
//! ```
//!
//! It needs Debian's `prometheus`, and some minutes. The series are 40 instances with five codes, scraped each minute, and what
//! the rules have recorded and read as a range. What they read of the period is that of three days as well.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::Write as _,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use maestro_slo_budget::Spec;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

#[path = "../tests/programs/mod.rs"]
mod programs;

type Error = Box<dyn std::error::Error>;

const SPEC: &str = r#"
service: conductor
slo: runs
objective: 99.9%
indicator:
  total: http_requests_total{job="conductor"}
  bad: http_requests_total{job="conductor", code=~"5.."}
"#;
const INSTANCES: u32 = 40;
const CODES: [u32; 5] = [200, 201, 204, 404, 503];
const MINUTE: u64 = 60;
const DAY: u64 = 86_400;
/// The longest window of counters. More takes promtool an hour to write.
const DAYS: u64 = 3;
/// The evaluations of which the fastest counts, because the machine has other work too.
const EVALUATIONS: usize = 12;
/// The longest wait for a start or an evaluation.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that is ended by its id when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let spec: Spec = SPEC.parse()?;
    let dir = TempDir::new()?;
    let mut files = vec![("this crate".to_owned(), spec.rules())];
    for path in env::args().skip(1) {
        files.push((path.clone(), fs::read_to_string(path)?));
    }
    println!(
        "{:<24} {:>6} {:>14} {:>12}",
        "rules", "number", "samples read", "time"
    );
    for (name, rules) in files {
        fs::write(dir.path().join("rules.yaml"), rules)?;
        let data = dir.path().join("data");
        let _ = fs::remove_dir_all(&data);
        let recorded = {
            let (_server, address) = start(dir.path()).await?;
            rule_list(&address).await?
        };
        let _ = fs::remove_dir_all(&data);
        write_blocks(dir.path(), &recorded)?;
        let (_server, address) = start(dir.path()).await?;
        let seconds = evaluation_time(&address).await?;
        let mut samples = 0;
        for rule in &recorded {
            samples += samples_read(&address, rule["query"].as_str().unwrap_or_default()).await?;
        }
        println!(
            "{name:<24} {:>6} {samples:>14} {:>9.1} ms",
            recorded.len(),
            seconds * 1e3
        );
    }
    Ok(())
}

/// Its address when it is ready.
async fn start(dir: &Path) -> Result<(Server, String), Error> {
    let config = "global: { evaluation_interval: 2s }\nrule_files: [rules.yaml]\n";
    fs::write(dir.join("prometheus.yaml"), config)?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let child = Command::new(programs::program("prometheus")?)
        .current_dir(dir)
        .args([
            "--config.file=prometheus.yaml",
            "--storage.tsdb.path=data",
            "--storage.tsdb.retention.time=90d",
            "--log.level=error",
        ])
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .spawn()?;
    let server = Server(child);
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let ready = reqwest::get(format!("http://{address}/-/ready")).await;
        if ready.is_ok_and(|answer| answer.status().is_success()) {
            return Ok((server, address));
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err("prometheus does not become ready".into())
}

async fn get(url: String) -> Result<Value, Error> {
    Ok(serde_json::from_str(
        &reqwest::get(url).await?.text().await?,
    )?)
}

async fn groups(address: &str) -> Result<Vec<Value>, Error> {
    let answer = get(format!("http://{address}/api/v1/rules")).await?;
    Ok(answer["data"]["groups"]
        .as_array()
        .cloned()
        .unwrap_or_default())
}

async fn rule_list(address: &str) -> Result<Vec<Value>, Error> {
    let groups = groups(address).await?;
    let rules = groups.iter().filter_map(|group| group["rules"].as_array());
    Ok(rules.flatten().cloned().collect())
}

/// The least sum of the evaluation times of all rules.
async fn evaluation_time(address: &str) -> Result<f64, Error> {
    let mut least = f64::INFINITY;
    // The first evaluation loads the blocks.
    let mut before = Vec::new();
    for n in 0..=EVALUATIONS {
        let until = Instant::now() + PATIENCE;
        loop {
            let groups = groups(address).await?;
            let evaluated: Vec<_> = groups
                .iter()
                .map(|group| group["lastEvaluation"].clone())
                .collect();
            let is_new = evaluated.len() != before.len()
                || evaluated.iter().zip(&before).all(|(a, b)| a != b);
            let rules = groups
                .iter()
                .filter_map(|group| group["rules"].as_array())
                .flatten();
            let (mut seconds, mut is_done) = (0.0, true);
            for rule in rules {
                seconds += rule["evaluationTime"].as_f64().unwrap_or_default();
                is_done &= rule["health"] != "unknown";
                if rule["health"] == "err" {
                    return Err(format!("{}: {}", rule["name"], rule["lastError"]).into());
                }
            }
            if is_new && is_done {
                before = evaluated;
                if n > 0 {
                    least = least.min(seconds);
                }
                break;
            }
            if Instant::now() > until {
                return Err("the rules are not evaluated".into());
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(least)
}

async fn samples_read(address: &str, query: &str) -> Result<u64, Error> {
    let escaped = query.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    });
    let answer = get(format!(
        "http://{address}/api/v1/query?stats=all&query={escaped}"
    ))
    .await?;
    let samples = answer["data"]["stats"]["samples"]["totalQueryableSamples"].as_u64();
    samples.ok_or_else(|| format!("no statistics: {answer}").into())
}

#[expect(
    clippy::disallowed_types,
    reason = "Prometheus evaluates rules at the wall time, so the samples have to end there"
)]
fn unix_time() -> Result<u64, Error> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(now.as_secs())
}

/// The counters, and the recorded series that a rule reads as a range.
fn write_blocks(dir: &Path, rules: &[Value]) -> Result<(), Error> {
    // Prometheus appends nothing before the end of its blocks.
    let now = unix_time()? / MINUTE * MINUTE;
    let path = dir.join("samples");
    let mut to = std::io::BufWriter::new(fs::File::create(&path)?);
    writeln!(to, "# TYPE http_requests counter")?;
    for instance in 0..INSTANCES {
        for code in CODES {
            let events = if code == 503 { 1 } else { 50 };
            for (n, at) in (now - DAYS * DAY..now).step_by(60).enumerate() {
                writeln!(
                    to,
                    "http_requests_total{{job=\"conductor\",instance=\"{instance}\",code=\"{code}\"}} {} {at}",
                    n * events
                )?;
            }
        }
    }
    for rule in rules.iter().filter(|rule| rule["type"] == "recording") {
        let name = rule["name"].as_str().unwrap_or_default();
        let is_range = |other: &Value| {
            let query = other["query"].as_str().unwrap_or_default();
            let start = format!("{name}{{");
            let mut uses = query.split(&start).skip(1);
            uses.any(|rest| {
                rest.split_once('}')
                    .is_some_and(|(_, rest)| rest.starts_with('['))
            })
        };
        if !rules.iter().any(is_range) {
            continue;
        }
        let labels = rule["labels"].as_object().into_iter().flatten();
        let labels: Vec<_> = labels
            .map(|(label, value)| format!("{label}={value}"))
            .collect();
        writeln!(to, "# TYPE {name} gauge")?;
        for at in (now - DAYS * DAY..now).step_by(60) {
            writeln!(to, "{name}{{{}}} 0.001 {at}", labels.join(","))?;
        }
    }
    writeln!(to, "# EOF")?;
    to.flush()?;
    let status = Command::new(programs::program("promtool")?)
        .current_dir(dir)
        .args([
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "-q",
            "samples",
            "data",
        ])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err("promtool writes no blocks".into())
    }
}
