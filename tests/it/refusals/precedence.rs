//! Two things wrong at once: the code of the first in design section 6 counts, of those that were looked at.

use offboard24::lock::Lock;
use offboard24::paths::database_lock;
use offboard24::sandbox::World;

use super::{plan_command, run};
use crate::support::{Desk, Ended, Keeper, Portal, number};

fn kind(ended: &Ended) -> String {
    ended.json()["error"]["kind"].as_str().unwrap().to_owned()
}

/// Nine that are planned, and a row that is nobody's.
fn planned() -> (Portal, Desk, serde_json::Value) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n29\n987654\n"), "kill");
    (portal, desk, plan)
}

#[test]
fn what_is_wrong_with_the_command_counts_before_what_is_wrong_elsewhere() {
    let (portal, desk, plan) = planned();
    portal.world(|world| world.webhook.valid = false);
    let asked = portal.requests().len();
    let lock = Lock::take(&database_lock(&desk.database())).unwrap();
    // 2 before 8: a roster that cannot be read, and a database that another process has.
    let ended = desk
        .run(&["plan", "absent.csv", "--action", "kill", "--json"])
        .expect(2);
    assert_eq!(kind(&ended), "usage");
    // 8 before 7 and 6: another process, a webhook that was deleted, and no confirmation.
    let ended = desk.run(&["apply", "--json"]).expect(8);
    assert_eq!(kind(&ended), "locked");
    drop(lock);
    // 6 alone: without a confirmation the portal is not even asked whether it would let us.
    let ended = desk.run(&["apply", "--json"]).expect(6);
    assert_eq!(kind(&ended), "refused");
    assert_eq!(portal.requests().len(), asked);
    let ended = desk.apply(&plan).expect(7);
    assert_eq!(kind(&ended), "auth");
    portal.assert_untouched();
}

#[test]
fn another_portal_that_is_away_is_refused_as_another_portal() {
    let (portal, desk, plan) = planned();
    let confirm = plan["confirm"].as_str().unwrap();
    let away = format!("http://{}/rest/1/{}/", super::net::nobody(), crate::support::TOKEN);
    let mut command = desk.command(&["apply", "--confirm", confirm, "--json"]);
    let ended = run(&desk, command.env("OFFBOARD24_WEBHOOK", away)).expect(6);
    assert_eq!(kind(&ended), "refused");
    portal.assert_untouched();
}

#[test]
fn a_webhook_that_ends_in_mid_run_counts_before_what_failed_and_what_is_open() {
    let (portal, desk, plan) = planned();
    // 7 before 3 and 4: one of the second batch is refused, the third batch meets a webhook that was deleted.
    portal.inject("kill-error-present@command:3");
    portal.inject("auth-error-401@destroy:3");
    let ended = desk.apply(&plan).expect(7);
    assert_eq!(kind(&ended), "auth");
    let status = ended.json();
    assert_eq!(number(&status, "/actions/failed"), 1, "{status}");
    assert_eq!(portal.destroyed().len(), 5);
    // 3 before 4, once the rest is done.
    let ended = desk.run(&["resume", "--json"]).expect(3);
    assert_eq!(number(&ended.json(), "/actions/confirmed"), 8);
    assert_eq!(number(&ended.json(), "/rows/not_found"), 1);
    // And 4, once what failed was done too.
    desk.run(&["resume", "--retry", "failed", "--json"]).expect(4);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn a_signal_counts_before_what_failed_and_what_is_open() {
    let (portal, keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster("id\n29\n987654\n"), "kill");
    portal.inject("kill-error-present@command:3");
    portal.inject("delay:1s@destroy:2");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap(), "--json"]);
    Keeper::await_destroying(&portal, &mut child, 2);
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    keeper.open();
    let ended = desk.wait(child).expect(143);
    assert_eq!(number(&ended.json(), "/actions/failed"), 1, "{}", ended.stdout);
    desk.run(&["resume"]).expect(3);
    desk.assert_sound();
}

#[test]
fn a_scope_that_is_missing_is_told_before_a_plan_that_the_tariff_does_not_have() {
    let mut world = World::sample();
    world.webhook.scopes = vec!["user".to_owned()];
    world.modules.business_processes = false;
    let portal = Portal::of(world);
    let desk = Desk::at(&portal);
    let ended = run(&desk, &mut plan_command(&desk, &[])).expect(7);
    assert_eq!(kind(&ended), "scope");
    portal.assert_untouched();
}
