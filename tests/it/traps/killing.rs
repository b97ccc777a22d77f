//! Traps 19 to 26: killing.

use offboard24::sandbox::World;

use crate::support::{Desk, Portal, number};

const HOW_TO: &[u8] = include_bytes!("../../../samples/roster-how-to.csv");

#[test]
fn trap_21_an_error_with_an_empty_code_is_an_error() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    portal.inject("kill-error-present@command:4");
    let status = desk.apply(&plan).expect(3).json();
    assert_eq!(
        (
            number(&status, "/actions/failed"),
            number(&status, "/actions/confirmed")
        ),
        (1, 8)
    );
    assert_eq!(portal.destroyed().len(), 8);
    let answers: Vec<_> = desk
        .story()
        .into_iter()
        .filter(|event| event["kind"] == "attempt_answered" && event["data"]["answer"] == "refused")
        .collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["data"]["code"], "", "{}", answers[0]);
}
