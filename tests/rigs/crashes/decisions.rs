//! What a person said about a plan, `decide` and `approve`: it is on record whole, with the plan that it made, or not at all.

use serde_json::Value;

use super::scene::{died, plan, to_the_end};
use super::stand::{Death, Passages, Stand, is_told};
use super::support::Ended;

/// Who wrote the plan, and who approves it.
const PLANNER: &str = "petra";
const APPROVER: &str = "anton";

/// One person with nine workflows; and two of one name, of whom one is dismissed and waits in a workflow.
const NAMESAKES: &str = "id,first_name,last_name\n29,,\n,John,Smith\n";
const DISMISSED_NAMESAKE: &str = "36";

/// A workflow is dropped, and taken up again by its name.
pub(super) fn about_a_workflow(stand: &Stand, death: Option<Death>) -> Result<Passages, String> {
    plan(stand)?;
    let before = stand.status();
    let workflow = format!("workflow:{}", first(stand, "action_planned", |data| &data["workflow"])?);
    let drop = ["decide", "--drop", &workflow];
    let ended = stand.run_doomed(&drop, death);
    let passages = stand.passages();
    died_or_was_honest(stand, &drop, &ended, death)?;
    let after = stand.status();
    let is_decided = after["plan_hash"] != before["plan_hash"];
    let held = after["actions"]["held"].as_u64();
    hold!(
        after["state"] == "planned" && held == Some(u64::from(is_decided)),
        "neither the plan before nor the one after: {after}"
    );
    if is_decided {
        let old = stand.run(&["apply", "--confirm", before["confirm"].as_str().unwrap()]);
        hold!(
            old.code == 6,
            "the number of the plan before is still good: {}",
            old.code
        );
    } else {
        stand.run_honestly(&drop)?;
    }
    nothing_was_sent(stand)?;
    stand.run_honestly(&["decide", "--include", &workflow])?;
    to_the_end(stand)?;
    Ok(passages)
}

/// It is said who an ambiguous row is about, and what hangs on that person is read.
pub(super) fn about_a_row(stand: &Stand, death: Option<Death>) -> Result<Passages, String> {
    let roster = stand.desk.roster(NAMESAKES);
    stand.run_honestly(&["plan", &roster, "--action", stand.kind])?;
    let row = first(stand, "row_resolved", |data| {
        if data["state"] == "ambiguous" {
            &data["row"]
        } else {
            &Value::Null
        }
    })?;
    let decide = ["decide", "--row", &row, "--user", DISMISSED_NAMESAKE];
    let ended = stand.run_doomed(&decide, death);
    let passages = stand.passages();
    died_or_was_honest(stand, &decide, &ended, death)?;
    if !is_told(&stand.desk.story(), "plan_decided") {
        stand.run_honestly(&decide)?;
    }
    nothing_was_sent(stand)?;
    to_the_end(stand)?;
    let status = stand.status();
    hold!(
        status["rows"]["matched"] == 2 && status["actions"]["confirmed"].as_u64() > Some(9),
        "the person of the row was forgotten: {status}"
    );
    Ok(passages)
}

/// A second person approves, and only then is it carried out.
pub(super) fn an_approval(stand: &mut Stand, death: Option<Death>) -> Result<Passages, String> {
    stand.typed_by(PLANNER);
    let policy = stand.desk.folder().join("policy.toml");
    std::fs::write(&policy, "approval = \"always\"\n").unwrap();
    let policy = policy.to_str().unwrap();
    stand.run_honestly(&["plan", stand.roster(), "--action", stand.kind, "--policy", policy])?;
    let confirm = stand.status()["confirm"].as_str().unwrap().to_owned();
    let approve = ["approve", "--confirm", &confirm];
    stand.typed_by(APPROVER);
    let ended = stand.run_doomed(&approve, death);
    let passages = stand.passages();
    died_or_was_honest(stand, &approve, &ended, death)?;
    stand.typed_by(PLANNER);
    if !is_told(&stand.desk.story(), "plan_approved") {
        let too_early = stand.run(&["apply", "--confirm", &confirm]);
        hold!(too_early.code == 6, "carried out and not approved: {}", too_early.code);
        nothing_was_sent(stand)?;
        stand.typed_by(APPROVER);
        stand.run_honestly(&approve)?;
        stand.typed_by(PLANNER);
    }
    to_the_end(stand)?;
    Ok(passages)
}

fn died_or_was_honest(stand: &Stand, words: &[&str], ended: &Ended, death: Option<Death>) -> Result<(), String> {
    match death {
        Some(_) => died(ended, death),
        None => stand.is_honest(words, ended),
    }
}

fn nothing_was_sent(stand: &Stand) -> Result<(), String> {
    hold!(stand.portal.effects().is_empty(), "destroyed, and nobody confirmed it");
    Ok(())
}

/// What the first event of a kind says that says something.
fn first(stand: &Stand, kind: &str, of: impl Fn(&Value) -> &Value) -> Result<String, String> {
    let story = stand.desk.story();
    let told = story.iter().filter(|event| event["kind"] == kind);
    let found = told.map(|event| of(&event["data"])).find(|value| !value.is_null());
    let found = found.ok_or_else(|| format!("no {kind} that was looked for"))?;
    Ok(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
}
