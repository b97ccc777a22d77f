//! The small vocabulary of these tests: a stand-in portal, a desk with the real binary, and what to ask of both afterwards.

pub(crate) mod archive;
pub(crate) mod bench;
mod chromium;
mod desk;
mod gate;
mod keeper;
pub(crate) mod pages;
mod patience;
mod portal;
pub(crate) mod scene;
pub(crate) mod schemas;
mod screen;
mod terminal;
mod typed;

use std::collections::{BTreeMap, BTreeSet};

use offboard24::sandbox::{Behaviour, Options, World, WorldOptions};
use serde_json::Value;

pub(crate) use chromium::{Browser, Look, Page};
pub(crate) use desk::{Desk, Ended};
pub(crate) use gate::Gate;
pub(crate) use keeper::Keeper;
pub(crate) use patience::{await_on, await_that};
pub(crate) use portal::{Portal, Seen, unlimited};
pub(crate) use scene::{Scene, codes, leaf};
pub(crate) use screen::{Screen, Shown, first_line};
pub(crate) use typed::Typed;

/// The token of every stand-in here: what must be found nowhere.
pub(crate) const TOKEN: &str = "marker-token_0123456789-secret";

/// The roster of the sample's how-to: one person, who alone is waited for in nine workflows.
pub(crate) const HOW_TO: &[u8] = include_bytes!("../../../samples/roster-how-to.csv");

/// The number under a path such as `/actions/confirmed`.
#[track_caller]
pub(crate) fn number(json: &Value, path: &str) -> u64 {
    json.pointer(path)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no number at {path} in {json}"))
}

/// What may be destroyed, computed from the stand-in's own data and from nothing of ours: a running workflow in which somebody of the
/// roster waits, and nobody else.
pub(crate) fn oracle(world: &World, roster: &BTreeSet<u32>) -> BTreeSet<String> {
    let mut waiting: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for user in world.users() {
        for task in world.waiting_for(user.id) {
            waiting.entry(task.workflow.clone()).or_default().insert(user.id);
        }
    }
    let ours = |(workflow, users): (String, BTreeSet<u32>)| {
        (world.running(&workflow).is_some() && users.is_subset(roster)).then_some(workflow)
    };
    waiting.into_iter().filter_map(ours).collect()
}

/// The ids in the first column of a roster.
pub(crate) fn ids_of(csv: &str) -> BTreeSet<u32> {
    csv.lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect()
}

/// Numbers that look random and are the same for the same seed: `SplitMix64`.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A portal of one variant.
pub(crate) fn behaving(world: World, vary: impl FnOnce(&mut Behaviour)) -> Portal {
    let mut behaviour = Behaviour::default();
    vary(&mut behaviour);
    Portal::with(Options {
        world: WorldOptions::Given(Box::new(world)),
        behaviour,
        ..unlimited()
    })
}

/// The portal that these choices make, such as `active=yes-no`.
pub(crate) fn chosen(choices: &[&str]) -> Behaviour {
    let mut behaviour = Behaviour::default();
    for choice in choices {
        behaviour.choose(choice.parse().unwrap());
    }
    behaviour
}

/// The parameters of every call of a method, alone or in a batch, as the portal read them.
pub(crate) fn asked(portal: &Portal, method: &str) -> Vec<Value> {
    let requests = portal.requests();
    let commands = requests.iter().flat_map(|request| &request.commands);
    commands
        .filter(|command| command.method == method)
        .map(|command| command.params.clone())
        .collect()
}
