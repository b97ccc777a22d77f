//! A database with its key and its heads, copied from one that the real program made, for tests that damage it: as somebody with a
//! hex editor would, with a stock SQLite, with the program's own key, or by the program's own way to write.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use offboard24::clock::SystemClock;
use offboard24::domain::{JobId, RunId};
use offboard24::journal::key::Keys;
use offboard24::journal::note::{Checkpoint, SigningKey};
use offboard24::journal::tree::Tree;
use offboard24::journal::verify::{Against, Report, verify};
use offboard24::journal::{Entry, Event, Journal, JournalFile, Stamp};
use offboard24::sandbox::World;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{Desk, HOW_TO, Portal};

/// The files that belong together.
pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    /// Job 1 is planned, and nobody has confirmed it.
    pub(crate) fn planned() -> Self {
        static MADE: OnceLock<Scene> = OnceLock::new();
        MADE.get_or_init(|| Self::made(false, None)).copy()
    }

    /// The same by `run` with a number that is large enough, under a policy that keeps it from going on.
    pub(crate) fn planned_under(policy: &str) -> Self {
        Self::made(false, Some(policy))
    }

    /// Job 1 is done.
    pub(crate) fn finished() -> Self {
        static MADE: OnceLock<Scene> = OnceLock::new();
        MADE.get_or_init(|| Self::made(true, None)).copy()
    }

    fn made(apply: bool, policy: Option<&str>) -> Self {
        let portal = Portal::of(World::sample());
        let desk = Desk::at(&portal);
        let scene = Self {
            folder: TempDir::new().unwrap(),
        };
        let roster = desk.roster(HOW_TO);
        let plan = if let Some(policy) = policy {
            std::fs::write(desk.folder().join("policy.toml"), policy).unwrap();
            let given = ["--action", "kill", "--max-actions", "9", "--policy", "policy.toml"];
            desk.run(&[&["run", &roster, "--json"], given.as_slice()].concat())
                .expect(6)
                .json()
        } else {
            desk.plan(&roster, "kill")
        };
        if apply {
            std::fs::copy(desk.database(), scene.older()).unwrap();
            desk.apply(&plan).expect(0);
        }
        std::fs::copy(desk.database(), scene.database()).unwrap();
        std::fs::copy(desk.folder().join(".local/share/offboard24/key"), scene.key()).unwrap();
        copy_folder(&desk.database().with_file_name("heads"), &scene.heads());
        scene
    }

    /// The same once more.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self {
            folder: TempDir::new().unwrap(),
        };
        copy_folder(self.folder.path(), copy.folder.path());
        copy
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("audit.db")
    }

    /// Of a finished job: the database as it was when the job was only planned.
    pub(crate) fn older(&self) -> PathBuf {
        self.folder.path().join("older.db")
    }

    /// Makes it a journal that nobody ever signed.
    pub(crate) fn unsign(&self) {
        let key = self.first("signing_key_recorded");
        self.rewrite(|bodies| drop(bodies.remove(key)));
        self.force_sql(&format!(
            "PRAGMA foreign_keys = OFF; UPDATE personal SET event = event - 1 WHERE event > {key}; DELETE FROM checkpoint"
        ));
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    pub(crate) fn heads(&self) -> PathBuf {
        self.folder.path().join("heads")
    }

    /// The head file.
    pub(crate) fn head(&self) -> PathBuf {
        self.beside(|name| name.len() == 32)
    }

    /// The receipt of the last run.
    pub(crate) fn receipt(&self) -> PathBuf {
        self.beside(|name| name.ends_with(".receipt"))
    }

    fn beside(&self, wanted: impl Fn(&str) -> bool) -> PathBuf {
        let files = std::fs::read_dir(self.heads())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut fitting: Vec<PathBuf> = files
            .filter(|path| wanted(path.file_name().unwrap().to_str().unwrap()))
            .collect();
        fitting.sort();
        fitting.pop().unwrap()
    }

    /// Verifies it against nothing outside the file.
    pub(crate) fn report(&self) -> Report {
        self.report_against(&Against::default())
    }

    pub(crate) fn report_against(&self, against: &Against) -> Report {
        verify(&self.database(), against).unwrap()
    }

    /// The codes of what is found.
    pub(crate) fn codes(&self) -> BTreeSet<&'static str> {
        codes(&self.report())
    }

    /// The codes of what is found with the head and the receipt at hand.
    pub(crate) fn codes_against(&self, against: &Against) -> BTreeSet<&'static str> {
        codes(&self.report_against(against))
    }

    /// Whether there is a key on record.
    pub(crate) fn is_signed(&self) -> bool {
        self.bodies().iter().any(|body| body["kind"] == "signing_key_recorded")
    }

    /// The first pages of all tables and indexes.
    pub(crate) fn roots(&self) -> Vec<usize> {
        let db = self.stock();
        let mut statement = db
            .prepare("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")
            .unwrap();
        let roots = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        roots.map(|root| usize::try_from(root.unwrap()).unwrap()).collect()
    }

    /// A connection as anybody can make it.
    pub(crate) fn stock(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    /// Changes rows although the triggers forbid it: they are taken away for it and put back, so that the schema shows nothing.
    pub(crate) fn force(&self, change: impl FnOnce(&Connection)) {
        let db = self.stock();
        let triggers: Vec<(String, String)> = db
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for (name, _) in &triggers {
            db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        change(&db);
        for (_, text) in &triggers {
            db.execute_batch(text).unwrap();
        }
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    }

    /// The same in SQL.
    pub(crate) fn force_sql(&self, sql: &str) {
        self.force(|db| db.execute_batch(sql).unwrap());
    }

    /// All bodies, in order.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        let file = JournalFile::open(&self.database()).unwrap();
        let bodies = file.view().bodies().unwrap();
        bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    /// The number of the first event of a kind.
    pub(crate) fn first(&self, kind: &str) -> usize {
        self.bodies().iter().position(|body| body["kind"] == kind).unwrap()
    }

    /// Rewrites the events and makes the chain good again from one end to the other.
    pub(crate) fn rewrite(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut bodies = self.bodies();
        change(&mut bodies);
        self.force(|db| {
            db.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM event")
                .unwrap();
            let mut prev = Value::Null;
            for (seq, mut body) in (0_i64..).zip(bodies) {
                body["prev"] = prev;
                let text = serde_json_canonicalizer::to_string(&body).unwrap();
                let leaf = leaf(&text);
                prev = Value::String(hex(&leaf));
                db.execute("INSERT INTO event VALUES (?1, ?2, ?3)", params![seq, text, leaf])
                    .unwrap();
            }
        });
    }

    /// Gives job 1 another policy and its plan the hash that follows from it, after this change of the events, and signs all of it again. Only
    /// the projections still tell of the old ones.
    pub(crate) fn under(self, policy: &Value, change: impl FnOnce(&mut Vec<Value>)) -> Self {
        self.rewrite(|bodies| {
            change(bodies);
            let of = |kind: &'static str| move |body: &&Value| body["kind"] == kind;
            let policy = policy.to_string();
            let policy_hash = hex(&Sha256::digest(&policy));
            let actions: Vec<&Value> = bodies
                .iter()
                .filter(of("action_planned"))
                .map(|body| &body["data"])
                .collect();
            let rows = bodies.iter().filter(of("row_resolved")).map(|body| &body["data"]);
            let rows: Vec<Value> = rows.map(|row| json!([row["row"], row["state"], row["user"]])).collect();
            let created = bodies.iter().find(of("job_created")).unwrap();
            let plan = json!({
                "actions": actions, "policy": policy_hash, "portal": created["data"]["portal"], "rows": rows,
            });
            let plan_hash = hex(&Sha256::digest(serde_json_canonicalizer::to_string(&plan).unwrap()));
            for body in bodies {
                let (kind, data) = (body["kind"].clone(), &mut body["data"]);
                match kind.as_str().unwrap() {
                    "job_created" => {
                        data["policy"] = json!(policy);
                        data["policy_hash"] = json!(policy_hash);
                    }
                    "plan_frozen" => data["plan_hash"] = json!(plan_hash),
                    "plan_confirmed" => {
                        let (kept, _) = data["confirm"].as_str().unwrap().rsplit_once(':').unwrap();
                        data["confirm"] = json!(format!("{kept}:{}", &plan_hash[..8]));
                    }
                    _ => {}
                }
            }
        });
        self.sign_again();
        self
    }

    /// Signs every checkpoint anew with the program's own key, for events as they are now.
    pub(crate) fn sign_again(&self) {
        let key = SigningKey::from_pem(&std::fs::read_to_string(self.key()).unwrap()).unwrap();
        self.sign_again_with(&key);
    }

    pub(crate) fn sign_again_with(&self, key: &SigningKey) {
        let file = JournalFile::open(&self.database()).unwrap();
        let bodies = file.view().bodies().unwrap();
        let origin = file.view().signing_key().unwrap().unwrap().name().clone();
        drop(file);
        self.force(|db| {
            let mut tree = Tree::new();
            for body in bodies {
                tree.push(leaf(&body));
                let checkpoint = Checkpoint {
                    origin: origin.clone(),
                    size: tree.size(),
                    root: tree.root(),
                };
                let note = checkpoint.sign(&[key]).to_string();
                let size = i64::try_from(tree.size()).unwrap();
                db.execute("UPDATE checkpoint SET note = ?2 WHERE size = ?1", params![size, note])
                    .unwrap();
            }
            db.execute("DELETE FROM checkpoint WHERE size > (SELECT count(*) FROM event)", [])
                .unwrap();
        });
    }

    /// Appends what the program itself would never append, by its own way to write: chained, folded, signed.
    pub(crate) fn append(&self, run: Option<RunId>, entries: impl IntoIterator<Item = Entry>) {
        let keys = Keys::read(&self.key()).unwrap();
        let mut journal = Journal::open_signed(&self.database(), Arc::new(SystemClock), keys, &self.heads()).unwrap();
        journal.append(Stamp { run, requests: 1000 }, entries).unwrap();
        journal.close().unwrap();
    }

    /// Appends events of job 1.
    pub(crate) fn append_in_job(&self, run: RunId, events: impl IntoIterator<Item = Event>) {
        self.append(Some(run), events.into_iter().map(|event| Entry::of(JobId(1), event)));
    }
}

/// The codes of a report.
pub(crate) fn codes(report: &Report) -> BTreeSet<&'static str> {
    report.findings.iter().map(|finding| finding.code.as_str()).collect()
}

/// The leaf of a body, computed here.
pub(crate) fn leaf(body: &str) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(body).finalize().into()
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Copies a folder with what is in it, but for the locks.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else if entry.path().extension().is_none_or(|ending| ending != "lock") {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
