//! A process records into an `ErrorBudget`, and a Prometheus server scrapes its counters and evaluates the rules of the
//! same specification. Both see the same burn rates and the same alerts.
//!
//! They may differ by the events at the edges of a window: Prometheus knows the counters only at a scrape, and the budget
//! knows the beginning of a window only to a slot. So the bound is the events within one scrape interval and one evaluation
//! (200 ms each) and one slot (a thirtieth of the shortest window) of an edge. The history leaves two seconds around each
//! edge without events, and then both agree to the last digits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use axum::{Router, extract::State, routing::get};
use maestro_slo_budget::{Alerts, ErrorBudget, Event, Severity, Spec};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

mod programs;

type Error = Box<dyn std::error::Error>;

/// 5 % over ten minutes: a page above a burn rate of 5 over 12 s and 4 s, a ticket above 2.5 over 24 s and 8 s.
const SPEC: &str = r#"
service: live
slo: test
objective: 95%
period: 10m
indicator:
  total: live_events_total
  bad: live_events_total{outcome="bad"}
alerts:
  - { severity: page, budget: 10%, long: 12s, short: 4s }
  - { severity: ticket, budget: 10%, long: 24s, short: 8s }
deploy: [{ window: 1m, below: 1.0 }]
"#;
const WINDOWS: [u64; 4] = [4, 8, 12, 24];
/// The longest wait for a start, a visible change, or an HTTP request, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that is ended by its id when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn exited(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }
}

/// All counts of the budget, which is younger than its period.
async fn metrics(State(budget): State<ErrorBudget>) -> String {
    let counts = budget.counts(budget.period());
    format!(
        "# TYPE live_events_total counter\nlive_events_total{{outcome=\"good\"}} {}\nlive_events_total{{outcome=\"bad\"}} {}\n",
        counts.good(),
        counts.bad()
    )
}

fn free_port() -> Result<u16, Error> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Its address when it is ready. It tries again if another process has taken the free port.
async fn prometheus(dir: &TempDir, target: &str) -> Result<(Server, String), Error> {
    let config = format!(
        "global: {{ scrape_interval: 200ms, evaluation_interval: 200ms }}
rule_files: [rules.yaml]
scrape_configs: [{{ job_name: live, scrape_timeout: 200ms, static_configs: [{{ targets: ['{target}'] }}] }}]
"
    );
    fs::write(dir.path().join("prometheus.yaml"), config)?;
    let program = programs::program("prometheus")?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let address = format!("127.0.0.1:{}", free_port()?);
        let log = fs::File::create(dir.path().join("log"))?;
        let child = Command::new(&program)
            .current_dir(dir.path())
            .args([
                "--config.file=prometheus.yaml",
                "--storage.tsdb.path=data",
                "--log.level=warn",
            ])
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut server = Server(child);
        while server.exited().is_none() && Instant::now() < until {
            let ready = reqwest::get(format!("http://{address}/-/ready")).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return Ok((server, address));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
    let log = fs::read_to_string(dir.path().join("log"))?;
    Err(format!("prometheus does not become ready:\n{log}").into())
}

async fn api(address: &str, path: &str, form: String) -> Result<Value, Error> {
    let answer = reqwest::Client::new()
        .post(format!("http://{address}/api/v1/{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .timeout(PATIENCE)
        .send()
        .await?
        .text()
        .await?;
    Ok(serde_json::from_str(&answer)?)
}

/// The number of rules in the group, and those that last failed.
async fn failing(address: &str) -> Result<(usize, Vec<Value>), Error> {
    let answer = reqwest::get(format!("http://{address}/api/v1/rules"))
        .await?
        .text()
        .await?;
    let answer: Value = serde_json::from_str(&answer)?;
    let rules = answer["data"]["groups"][0]["rules"]
        .as_array()
        .ok_or_else(|| format!("no rules: {answer}"))?;
    let failing = rules
        .iter()
        .filter(|rule| rule["health"] != "ok")
        .cloned()
        .collect();
    Ok((rules.len(), failing))
}

/// The labels and the value of each series that an instant query finds.
async fn query(address: &str, query: &str) -> Result<Vec<(BTreeMap<String, String>, f64)>, Error> {
    let answer = api(address, "query", format!("query={}", escaped(query))).await?;
    let series = answer["data"]["result"]
        .as_array()
        .ok_or_else(|| format!("no result: {answer}"))?;
    let one = |series: &Value| {
        let labels = serde_json::from_value(series["metric"].clone())?;
        let value = series["value"][1].as_str().ok_or("no value")?.parse()?;
        Ok((labels, value))
    };
    series.iter().map(one).collect()
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The burn rate of each window in Prometheus: 20 times the share of bad events.
async fn seen_by_prometheus(address: &str) -> Result<Vec<Option<f64>>, Error> {
    let mut burns = Vec::new();
    for window in WINDOWS {
        let burn_rate = format!(
            "slo:error_ratio:rate{window}s{{slo=\"test\"}} / (1 - scalar(slo:objective:ratio))"
        );
        let found = query(address, &burn_rate).await?;
        burns.push(found.first().map(|(_, value)| *value));
    }
    Ok(burns)
}

fn seen_by_budget(budget: &ErrorBudget) -> Vec<Option<f64>> {
    let burn = |seconds| Some(budget.burn_rate(Duration::from_secs(seconds))?.as_f64());
    WINDOWS.map(burn).into()
}

fn same(a: &[Option<f64>], b: &[Option<f64>]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|pair| match pair {
            (None, None) => true,
            (Some(a), Some(b)) => (a - b).abs() < 1e-9 * a.abs().max(1.0),
            _ => false,
        })
}

/// Waits until both have the same burn rates while those of the budget do not change.
async fn agreement(address: &str, budget: &ErrorBudget) -> Result<Vec<Option<f64>>, Error> {
    let until = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    while Instant::now() < until {
        let before = seen_by_budget(budget);
        let found = seen_by_prometheus(address).await?;
        if before == seen_by_budget(budget) && same(&before, &found) {
            return Ok(found);
        }
        seen.push(format!("budget {before:?}, prometheus {found:?}"));
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("they never agree:\n{}", seen.join("\n")).into())
}

async fn fires_in_prometheus(address: &str) -> Result<BTreeSet<String>, Error> {
    let found = query(
        address,
        "ALERTS{alertname=\"ErrorBudgetBurn\", alertstate=\"firing\"}",
    )
    .await?;
    Ok(found
        .into_iter()
        .filter_map(|(mut labels, _)| labels.remove("severity"))
        .collect())
}

/// Inhibited alerts included, because inhibition belongs to Alertmanager.
fn fires_in_process(alerts: &Alerts) -> BTreeSet<String> {
    let firing = |alert: &&maestro_slo_budget::Alert| {
        alert.state() == maestro_slo_budget::AlertState::Firing
    };
    let severity = |alert: &maestro_slo_budget::Alert| match alert.severity() {
        Severity::Page => "page".to_owned(),
        _ => "ticket".to_owned(),
    };
    alerts
        .evaluate()
        .iter()
        .filter(firing)
        .map(severity)
        .collect()
}

fn burst(budget: &ErrorBudget, good: u32, bad: u32) {
    (0..good).for_each(|_| budget.record(Event::Good));
    (0..bad).for_each(|_| budget.record(Event::Bad));
}

#[tokio::test]
async fn prometheus_and_the_recording_process_agree() -> Result<(), Error> {
    let spec: Spec = SPEC.parse()?;
    let budget = spec.budget().build("live/test")?;
    let alerts = spec.alerts().build(budget.clone())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let target = listener.local_addr()?.to_string();
    let app = Router::new()
        .route("/metrics", get(metrics))
        .with_state(budget.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let dir = TempDir::new()?;
    fs::write(dir.path().join("rules.yaml"), spec.rules())?;
    let (_server, address) = prometheus(&dir, &target).await?;
    // Scrape at zero first: the first value of a counter is no increase.
    let until = Instant::now() + PATIENCE;
    while query(&address, "live_events_total").await?.len() < 2 {
        assert!(Instant::now() < until, "nothing is scraped");
        sleep(Duration::from_millis(50)).await;
    }
    // Without traffic neither has data.
    assert_eq!(agreement(&address, &budget).await?, [None; 4]);
    assert!(fires_in_prometheus(&address).await?.is_empty());

    // Three bursts. Two seconds later each window holds a different selection, and no edge is near a burst: 4 s and 8 s
    // hold the third, 12 s also the second, and 24 s all of them.
    burst(&budget, 380, 20);
    sleep(Duration::from_secs(10)).await;
    burst(&budget, 160, 40);
    sleep(Duration::from_secs(8)).await;
    burst(&budget, 50, 50);

    let seen = agreement(&address, &budget).await?;
    // 50 %, 50 %, 30 % and 110 of 700 bad, where 5 % may be.
    let expected = [10.0, 10.0, 6.0, 110.0 / 700.0 * 20.0].map(Some);
    assert!(same(&seen, &expected), "{seen:?}");
    let both = BTreeSet::from(["page".to_owned(), "ticket".to_owned()]);
    assert_eq!(fires_in_process(&alerts), both);
    let until = Instant::now() + PATIENCE;
    loop {
        let firing = fires_in_prometheus(&address).await?;
        if firing == both {
            break;
        }
        assert!(
            Instant::now() < until,
            "in Prometheus there fires only {firing:?}"
        );
        sleep(Duration::from_millis(50)).await;
    }
    // No rule fails, including those that this test does not query.
    let (rules, failing) = failing(&address).await?;
    assert!(rules > 0 && failing.is_empty(), "of {rules}: {failing:?}");
    serving.abort();
    Ok(())
}
