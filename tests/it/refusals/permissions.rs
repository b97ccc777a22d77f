//! What the webhook may not do: found before a job is recorded, and once it may, the same command completes.

use offboard24::sandbox::World;

use super::{HOW_TO, Refusal, plan_command, refusal, run};
use crate::support::{Desk, Portal};

/// Something that a webhook lacks.
struct Lack {
    spoil: fn(&mut World),
    refusal: Refusal,
}

const AS_ADMINISTRATOR: &str = "put the URL of an administrator's inbound webhook into OFFBOARD24_WEBHOOK";
const TICK: &str = "tick the scope in the webhook's settings and type the same command again";

fn lacks() -> [Lack; 6] {
    [
        Lack {
            spoil: |world| world.webhook.valid = false,
            refusal: refusal(
                7,
                "auth",
                &[
                    "does not accept the webhook",
                    "it was deleted, changed or has expired",
                    "Nothing more is sent",
                ],
                AS_ADMINISTRATOR,
            ),
        },
        Lack {
            spoil: |world| world.webhook.administrator = false,
            refusal: refusal(
                7,
                "permission",
                &["the webhook's owner is not an administrator", "Nothing more is sent"],
                AS_ADMINISTRATOR,
            ),
        },
        Lack {
            spoil: |world| world.webhook.scopes = vec!["user".to_owned()],
            refusal: refusal(7, "scope", &["lacks the scope `bizproc`", "Nothing more is sent"], TICK),
        },
        Lack {
            spoil: |world| world.webhook.scopes = vec!["bizproc".to_owned()],
            refusal: refusal(7, "scope", &["lacks the scope `user`"], TICK),
        },
        Lack {
            spoil: |world| world.webhook.scopes = Vec::new(),
            refusal: refusal(7, "scope", &["lacks the scope"], TICK),
        },
        Lack {
            spoil: |world| world.modules.business_processes = false,
            refusal: refusal(
                7,
                "tariff",
                &[
                    "does not offer bizproc.workflow.kill",
                    "its plan has no REST API or no workflows",
                ],
                "ask whoever manages the subscription",
            ),
        },
    ]
}

#[test]
fn what_the_webhook_lacks_is_told_before_a_job_is_recorded_and_once_it_has_it_the_same_command_completes() {
    for Lack { spoil, refusal } in lacks() {
        let portal = Portal::of(World::sample());
        let (webhook, modules) = portal.world(|world| (world.webhook.clone(), world.modules));
        portal.world(spoil);
        let desk = Desk::at(&portal);
        refusal.check(&run(&desk, &mut plan_command(&desk, &[])));
        assert!(desk.journal().view().jobs().unwrap().is_empty());
        portal.world(|world| (world.webhook, world.modules) = (webhook, modules));
        run(&desk, &mut plan_command(&desk, &[])).expect(0);
        portal.assert_untouched();
    }
}

#[test]
fn what_the_webhook_lost_since_the_plan_is_told_before_the_plan_is_confirmed_and_the_same_apply_completes() {
    for Lack { spoil, refusal } in lacks() {
        let portal = Portal::of(World::sample());
        let (webhook, modules) = portal.world(|world| (world.webhook.clone(), world.modules));
        let desk = Desk::at(&portal);
        let plan = desk.plan(&desk.roster(HOW_TO), "kill");
        portal.world(spoil);
        let ended = desk.apply(&plan);
        refusal.check(&ended);
        assert_eq!(
            ended.json()["state"],
            "planned",
            "the job's fields stand beside the error"
        );
        portal.assert_untouched();
        portal.world(|world| (world.webhook, world.modules) = (webhook, modules));
        desk.apply(&plan).expect(0);
        assert_eq!(portal.destroyed().len(), 9);
    }
}

#[test]
fn a_wrong_token_and_another_users_number_are_told_and_the_right_webhook_completes_the_job() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let confirm = plan["confirm"].as_str().unwrap();
    let url = portal.url();
    for wrong in [
        format!("{}x/", url.trim_end_matches('/')),
        url.replace("/rest/1/", "/rest/2/"),
    ] {
        assert_ne!(wrong, url);
        let mut command = desk.command(&["apply", "--confirm", confirm, "--json"]);
        let ended = run(&desk, command.env("OFFBOARD24_WEBHOOK", &wrong));
        refusal(
            7,
            "auth",
            &["does not accept the webhook (INVALID_CREDENTIALS)"],
            AS_ADMINISTRATOR,
        )
        .check(&ended);
        portal.assert_untouched();
    }
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
}
