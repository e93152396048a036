//! The report in a real browser: complete without script, without the network, and without errors with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder, Locator};
use tempfile::TempDir;

/// A `chromedriver` on a port of its own choice. Ended when dropped.
struct Driver {
    child: Child,
    port: u16,
    profiles: TempDir,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts (Debian: chromium-driver)");
        let stdout = child.stdout.take().expect("a pipe");
        let port = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let rest = line.split("started successfully on port ").nth(1)?;
                rest.trim_end_matches('.')
                    .split_whitespace()
                    .next()?
                    .trim_end_matches('.')
                    .parse()
                    .ok()
            })
            .expect("chromedriver says its port");
        Self { child, port, profiles: tempfile::tempdir().expect("a temporary folder") }
    }

    async fn browser(&self, script: bool) -> Client {
        let profile = self.profiles.path().join(format!("script-{script}"));
        let capabilities = serde_json::json!({
            "goog:chromeOptions": {
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    "--disable-dev-shm-usage", "--window-size=1300,2000",
                    format!("--user-data-dir={}", profile.display()),
                ],
                "prefs": {
                    "profile.managed_default_content_settings.javascript": if script { 1 } else { 2 },
                },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let serde_json::Value::Object(capabilities) = capabilities else {
            unreachable!("an object")
        };
        ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .expect("a browser (Debian: chromium)")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Opens a report with and without script; fails unless both show everything.
pub(crate) fn looks_right(index: &Path, limits: usize) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let driver = Driver::start();
    let url = format!("file://{}", index.display());
    runtime.block_on(async {
        for script in [true, false] {
            let browser = driver.browser(script).await;
            browser.goto(&url).await.expect("the page opens");
            let body = browser.find(Locator::Css("body")).await.expect("a body");
            let text = body.text().await.expect("its text").to_lowercase();
            for wanted in ["passed", "memory", "latency", "kill", "ledger", "longhaul report"] {
                assert!(
                    text.contains(wanted),
                    "script {script}: {wanted:?} is not on the page:\n{text}"
                );
            }
            let charts = browser.find_all(Locator::Css("svg")).await.expect("charts").len();
            assert!(charts >= 4, "script {script}: {charts} charts");
            let rows =
                browser.find_all(Locator::Css("#limits tbody tr")).await.expect("rows").len();
            assert_eq!(rows, limits, "script {script}: every limit has a row");
            if script {
                let loads = browser
                    .execute("return performance.getEntriesByType('resource').length", vec![])
                    .await
                    .expect("a number");
                assert_eq!(loads, 0, "the page loads nothing");
                let wide = browser
                    .execute(
                        "return document.documentElement.scrollWidth - window.innerWidth",
                        vec![],
                    )
                    .await
                    .expect("a number");
                assert!(
                    wide.as_i64().is_some_and(|w| w <= 0),
                    "the page is {wide} pixels too wide"
                );
            }
            browser.close().await.expect("the browser closes");
        }
    });
}
