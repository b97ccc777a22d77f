//! A stand-in portal in a thread of its own. What it changed is compared, at its end, with what it was asked to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use offboard24::sandbox::{Effect, Fault, Options, RequestRecord, Sandbox, World, WorldOptions};
use serde_json::Value;

use super::TOKEN;

/// A stand-in portal, running in a thread of its own until it is dropped.
///
/// When it ends it is compared with how it began: whatever became of a workflow, a task or a user was done by a recorded effect or by
/// the test itself, and every effect shows.
pub(crate) struct Portal {
    seen: Seen,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a stand-in saw and what became of it; can be asked by a [`super::Desk`] too.
#[derive(Clone)]
pub(crate) struct Seen {
    sandbox: Arc<Sandbox>,
    /// How everything was in the beginning.
    beginning: Arc<Things>,
    /// What tests changed themselves.
    edited: Arc<Mutex<BTreeSet<String>>>,
}

/// Every user, workflow and task, by a name such as `users 29`.
type Things = BTreeMap<String, Value>;

fn things(world: &World) -> Things {
    let mut things = Things::new();
    for (kind, all) in world.to_json().as_object().unwrap() {
        for one in all.as_array().unwrap() {
            let id = one["id"].as_str().map_or_else(|| one["id"].to_string(), str::to_owned);
            things.insert(format!("{kind} {id}"), one.clone());
        }
    }
    things
}

/// What is not the same, or not there any more, or new.
fn changed(before: &Things, after: &Things) -> BTreeSet<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    differs.cloned().collect()
}

impl Seen {
    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.sandbox.effects()
    }

    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.sandbox.requests()
    }

    /// Whether the workflow runs now.
    pub(crate) fn runs(&self, workflow: &str) -> bool {
        self.sandbox.world().lock().unwrap().running(workflow).is_some()
    }

    /// Looks at the world, or changes it.
    fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.sandbox.world().lock().unwrap();
        let before = things(&world);
        let given = with(&mut world);
        self.edited.lock().unwrap().extend(changed(&before, &things(&world)));
        given
    }

    /// Everything that is different from the beginning, and that the test did not change itself.
    pub(crate) fn changes(&self) -> BTreeSet<String> {
        let now = things(&self.sandbox.world().lock().unwrap());
        let edited = self.edited.lock().unwrap();
        let all = changed(&self.beginning, &now);
        all.difference(&edited).cloned().collect()
    }

    /// Compares what changed with the recorded effects.
    #[track_caller]
    fn assert_only_effects_changed_anything(&self) {
        let changes = self.changes();
        let destroyed: BTreeSet<String> = self.effects().into_iter().map(|effect| effect.workflow).collect();
        for change in &changes {
            let (kind, id) = change.split_once(' ').unwrap();
            let workflow = match kind {
                "workflows" => Some(id.to_owned()),
                "tasks" => self
                    .beginning
                    .get(change)
                    .map(|task| task["workflow"].as_str().unwrap().to_owned()),
                _ => None,
            };
            assert!(
                workflow.is_some_and(|workflow| destroyed.contains(&workflow)),
                "{change} changed, and no effect did it"
            );
        }
        for workflow in destroyed {
            assert!(!self.runs(&workflow), "{workflow} was destroyed and runs");
        }
    }
}

impl Portal {
    /// With these people and workflows, and without limits.
    pub(crate) fn of(world: World) -> Self {
        Self::with(Options {
            world: WorldOptions::Given(Box::new(world)),
            ..unlimited()
        })
    }

    /// With these options; the token is always the marker.
    pub(crate) fn with(options: Options) -> Self {
        let options = Options {
            token: TOKEN.to_owned(),
            ..options
        };
        let (started, starting) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let sandbox = Arc::new(Sandbox::start(options).await.unwrap());
                started.send(Arc::clone(&sandbox)).unwrap();
                drop(sandbox);
                _ = stopped.await;
            });
        });
        let sandbox: Arc<Sandbox> = starting.recv().unwrap();
        let beginning = things(&sandbox.world().lock().unwrap());
        Self {
            seen: Seen {
                beginning: Arc::new(beginning),
                sandbox,
                edited: Arc::default(),
            },
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// What it saw, for others to ask.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    pub(crate) fn url(&self) -> String {
        self.seen.sandbox.webhook_url()
    }

    pub(crate) fn host(&self) -> String {
        self.seen.sandbox.address().to_string()
    }

    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.seen.effects()
    }

    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.seen.requests()
    }

    pub(crate) fn inject(&self, fault: &str) {
        self.seen.sandbox.inject(fault.parse::<Fault>().unwrap());
    }

    /// How many commands each destroying request carried, in order.
    pub(crate) fn batches(&self) -> Vec<usize> {
        let requests = self.requests();
        let destroying = requests.iter().filter(|request| request.destroys());
        destroying
            .map(|request| request.commands.iter().filter(|command| command.destroys()).count())
            .collect()
    }

    /// Looks at the world, or changes it.
    pub(crate) fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        self.seen.world(with)
    }

    /// Nothing of the portal's is different but what the test itself changed.
    #[track_caller]
    pub(crate) fn assert_nothing_changed(&self) {
        assert_eq!(self.seen.changes(), BTreeSet::new());
    }

    /// Nothing of the portal's is different, and nobody asked for anything to be destroyed.
    #[track_caller]
    pub(crate) fn assert_untouched(&self) {
        self.assert_nothing_changed();
        let destroying: Vec<RequestRecord> = self.requests().into_iter().filter(RequestRecord::destroys).collect();
        assert_eq!(destroying, [], "something destroying was sent");
    }

    /// Whatever was sent, it destroyed nothing.
    #[track_caller]
    pub(crate) fn assert_destroyed_nothing(&self) {
        assert_eq!(self.destroyed(), BTreeSet::new());
    }

    /// The workflows that were destroyed. Panics when one was destroyed twice.
    pub(crate) fn destroyed(&self) -> BTreeSet<String> {
        let effects = self.effects();
        let destroyed: BTreeSet<String> = effects.iter().map(|effect| effect.workflow.clone()).collect();
        assert_eq!(destroyed.len(), effects.len(), "a workflow was destroyed twice");
        destroyed
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        if !std::thread::panicking() {
            self.seen.assert_only_effects_changed_anything();
        }
    }
}

/// A stand-in without limits, so that nothing waits.
pub(crate) fn unlimited() -> Options {
    Options {
        rate_per_second: f64::INFINITY,
        burst: f64::INFINITY,
        operating_limit_seconds: f64::INFINITY,
        ..Options::default()
    }
}
