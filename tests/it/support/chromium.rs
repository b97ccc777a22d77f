//! A real browser, driven over its debugging protocol: what a report does in it, not what its source looks like.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// What browsers of this family are called.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// A browser without a window.
pub(crate) struct Browser {
    process: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    commands: u64,
    /// The page that is open.
    open: Option<Value>,
    /// What the browser told while something else was waited for.
    events: Vec<Value>,
    _profile: TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) dark: bool,
    pub(crate) script: bool,
    pub(crate) print: bool,
}

impl Look {
    pub(crate) const DESK: Self = Self {
        width: 1280,
        dark: false,
        script: true,
        print: false,
    };
}

impl Browser {
    /// Starts one; none where there is none, which is an error when `OFFBOARD24_BROWSER=required`.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = installed() else {
            let required = std::env::var_os("OFFBOARD24_BROWSER").is_some_and(|said| said == "required");
            assert!(!required, "OFFBOARD24_BROWSER=required, and there is no {NAMES:?}");
            eprintln!("NOT TESTED in a browser: none of {NAMES:?} is installed (Debian: apt-get install chromium)");
            return None;
        };
        let profile = TempDir::new().unwrap();
        let mut process = Command::new(&program)
            // As root, which containers are, a browser refuses its sandbox.
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
            ])
            .args([
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned));
        let address = address.unwrap_or_else(|| panic!("{} did not start", program.display()));
        // What it goes on to say must be read, or it would block.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let (socket, _) = tungstenite::connect(&address).unwrap();
        Some(Self {
            process,
            socket,
            commands: 0,
            open: None,
            events: Vec::new(),
            _profile: profile,
        })
    }

    fn ask(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        self.commands += 1;
        let id = self.commands;
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(command.to_string())).unwrap();
        loop {
            let told = self.told();
            if told["id"] == id {
                assert!(told["error"].is_null(), "{method}: {told}");
                return told["result"].clone();
            }
            self.events.push(told);
        }
    }

    fn told(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Opens a file in place of the one that was open, and waits until it is loaded.
    pub(crate) fn open(&mut self, file: &Path, look: Look) -> Page<'_> {
        let before = self.open.take();
        let target = self.ask(None, "Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        if let Some(before) = before {
            self.ask(None, "Target.closeTarget", &json!({ "targetId": before }));
        }
        self.open = Some(target.clone());
        let attached = self.ask(
            None,
            "Target.attachToTarget",
            &json!({ "targetId": target, "flatten": true }),
        );
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        self.events.clear();
        let mut page = Page {
            browser: self,
            session,
            events: Vec::new(),
        };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.ask(&format!("{domain}.enable"), &json!({}));
        }
        let scheme = if look.dark { "dark" } else { "light" };
        let media = if look.print { "print" } else { "" };
        page.ask(
            "Emulation.setEmulatedMedia",
            &json!({ "media": media, "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
        page.ask(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": look.width < 600 }),
        );
        if !look.script {
            page.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
        }
        page.ask("Page.navigate", &json!({ "url": format!("file://{}", file.display()) }));
        page.await_event("Page.loadEventFired");
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).flat_map(|folder| NAMES.iter().map(move |name| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// A page in the browser.
pub(crate) struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
    events: Vec<Value>,
}

impl Page<'_> {
    pub(crate) fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        let session = self.session.clone();
        let answer = self.browser.ask(Some(&session), method, parameters);
        self.events.append(&mut self.browser.events);
        answer
    }

    fn await_event(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let told = self.browser.told();
            self.events.push(told);
        }
    }

    /// The value of an expression; of what it promises, where it promises something.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let answer = self.ask(
            "Runtime.evaluate",
            &json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        );
        assert!(answer["exceptionDetails"].is_null(), "{expression}\n{answer}");
        answer["result"]["value"].clone()
    }

    /// Addresses that were asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        let sent = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Errors of scripts, and whatever the browser complained about.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let kinds = ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"];
        let complaints = self
            .events
            .iter()
            .filter(|event| kinds.iter().any(|kind| event["method"] == *kind));
        complaints.map(ToString::to_string).collect()
    }

    /// Clicks with the mouse.
    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const it = document.querySelector({selector:?}); it.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            self.ask(
                "Input.dispatchMouseEvent",
                &json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 }),
            );
        }
    }

    /// Presses a key: `Tab`, `Enter` or a blank.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, number, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            _ => ("Space", 32, " "),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types into what has the focus.
    pub(crate) fn write(&mut self, text: &str) {
        self.ask("Input.insertText", &json!({ "text": text }));
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn await_true(&mut self, expression: &str) {
        let within = format!(
            "new Promise((done) => {{ const began = performance.now(); const look = () => {{
                if ({expression}) done(true); else if (performance.now() - began > 5000) done(false); else setTimeout(look, 10); }}; look(); }})"
        );
        assert_eq!(self.value(&within), true, "{expression}");
    }

    /// Has everything laid out, also what is far off the screen.
    pub(crate) fn lay_out(&mut self) {
        self.value(
            "(() => { const all = new CSSStyleSheet(); all.replaceSync('main>section{content-visibility:visible!important}');
                document.adoptedStyleSheets = [all]; })()",
        );
    }

    /// Keeps a picture of the whole page in `target/report-screenshots`.
    pub(crate) fn keep_picture(&mut self, name: &str) {
        self.lay_out();
        let shot = self.ask(
            "Page.captureScreenshot",
            &json!({ "format": "png", "captureBeyondViewport": true, "optimizeForSpeed": true }),
        );
        keep(&format!("{name}.png"), &shot["data"]);
    }

    /// The page on paper, kept beside the pictures. Gives its size.
    pub(crate) fn keep_paper(&mut self, name: &str) -> usize {
        let paper = self.ask(
            "Page.printToPDF",
            &json!({ "printBackground": true, "preferCSSPageSize": true, "paperWidth": 8.27, "paperHeight": 11.69 }),
        );
        keep(&format!("{name}.pdf"), &paper["data"])
    }
}

fn keep(name: &str, data: &Value) -> usize {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(data.as_str().unwrap()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/report-screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), &bytes).unwrap();
    bytes.len()
}
