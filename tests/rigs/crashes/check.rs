//! The four promises, and what a job comes to: the journal against what the stand-in portal knows to be true.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::stand::Stand;

/// Design section 5: so often is an action sent without an answer that counts.
const ATTEMPTS_MAX: u64 = 3;

/// What is true of a finished job, whatever happened on the way.
pub(super) fn finished(stand: &Stand) -> Result<(), String> {
    let story = stand.desk.story();
    let destroyed = destroyed_once(stand)?;
    let cases = outcomes(&story)?;
    let spent: BTreeSet<String> = cases
        .values()
        .filter(|case| case.is_spent())
        .map(|case| case.workflow.clone())
        .collect();
    let gone_or_spent: BTreeSet<String> = destroyed.union(&spent).cloned().collect();
    if let Some(missing) = waiting(stand).symmetric_difference(&gone_or_spent).next() {
        let told: Vec<String> = told_of(&story, missing).iter().map(ToString::to_string).collect();
        return Err(format!(
            "{missing} is not destroyed, or was never planned: {}",
            told.join("\n")
        ));
    }
    let sure = stand.desk.workflows_in(&["confirmed"]);
    let gone = stand.desk.workflows_in(&["confirmed", "presumed"]);
    hold!(sure.is_subset(&destroyed), "confirmed and not destroyed: {sure:?}");
    hold!(
        gone == destroyed,
        "destroyed and not on record: {:?}",
        destroyed.difference(&gone)
    );
    let status = stand.status();
    hold!(
        status["state"] == "complete" && status["in_doubt"] == 0,
        "not over: {status}"
    );
    intact(stand)
}

/// Nothing is damaged, and all of it is signed.
pub(super) fn intact(stand: &Stand) -> Result<(), String> {
    let verified = stand.desk.run(&["audit", "verify"]);
    hold!(
        verified.code == 0,
        "audit verify: {}\n{}",
        verified.code,
        verified.stdout
    );
    hold!(verified.stdout.contains("signed up to event"), "{}", verified.stdout);
    Ok(())
}

/// The events of a workflow's action.
fn told_of<'a>(story: &'a [Value], workflow: &str) -> Vec<&'a Value> {
    let planned = story
        .iter()
        .find(|event| event["kind"] == "action_planned" && event["data"]["workflow"] == workflow);
    let action = planned.map(|event| &event["data"]["action"]);
    story
        .iter()
        .filter(|event| action.is_some() && event["data"].get("action") == action)
        .collect()
}

/// The workflows of the plan.
fn waiting(stand: &Stand) -> BTreeSet<String> {
    let planned = stand
        .desk
        .story()
        .into_iter()
        .filter(|event| event["kind"] == "action_planned");
    planned.map(|event| text(&event["data"]["workflow"])).collect()
}

fn destroyed_once(stand: &Stand) -> Result<BTreeSet<String>, String> {
    let mut destroyed = BTreeSet::new();
    for effect in stand.portal.effects() {
        let again = !destroyed.insert(effect.workflow.clone());
        hold!(!again, "{} was destroyed twice", effect.workflow);
    }
    Ok(destroyed)
}

/// Where an action stands.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum Stands {
    #[default]
    Planned,
    /// An attempt is on its way, or was, and it is not settled what became of it.
    Sent,
    Ended,
}

/// One action, as the journal tells it.
#[derive(Default)]
struct Case {
    workflow: String,
    attempt: u64,
    /// Attempts that came back without an answer that counts, and left the workflow as it was.
    in_vain: u64,
    survived: bool,
    stands: Stands,
    answered_yes: bool,
    unanswered: bool,
}

impl Case {
    /// Whether it was given up, as it has to be after so many attempts of which nobody knows why nothing came.
    fn is_spent(&self) -> bool {
        self.survived && self.in_vain == ATTEMPTS_MAX
    }
}

/// Each action has one outcome, its claim agrees with what is on record, and nothing was sent while an attempt was unsettled.
fn outcomes(story: &[Value]) -> Result<BTreeMap<(u64, u64), Case>, String> {
    let mut cases: BTreeMap<(u64, u64), Case> = BTreeMap::new();
    for event in story {
        let (Some(job), Some(action)) = (event["job"].as_u64(), event["data"]["action"].as_u64()) else {
            continue;
        };
        let case = cases.entry((job, action)).or_default();
        let data = &event["data"];
        match event["kind"].as_str().unwrap_or_default() {
            "action_planned" => case.workflow = text(&data["workflow"]),
            "attempt_intended" => {
                hold!(case.stands == Stands::Planned, "sent while unsettled or ended: {event}");
                hold!(data["attempt"] == case.attempt + 1, "not the next attempt: {event}");
                (case.attempt, case.stands) = (case.attempt + 1, Stands::Sent);
            }
            "attempt_answered" => {
                hold!(
                    case.stands == Stands::Sent && data["attempt"] == case.attempt,
                    "an answer to nothing: {event}"
                );
                case.answered_yes |= data["answer"] == "yes";
                case.unanswered |= data["answer"] == "in_doubt";
            }
            "action_returned" => {
                case.unanswered |= data["why"] == "still_listed";
                case.in_vain += u64::from(data["why"] == "still_listed");
                case.stands = Stands::Planned;
            }
            "action_reopened" => case.stands = Stands::Planned,
            "action_ended" => {
                hold!(case.stands != Stands::Ended, "a second outcome: {event}");
                let outcome = &data["outcome"];
                hold!(
                    outcome != "confirmed" || case.answered_yes,
                    "confirmed without a yes: {event}"
                );
                case.survived = outcome == "survived";
                case.in_vain += u64::from(case.survived && case.stands == Stands::Sent);
                let in_doubt = case.unanswered || case.stands == Stands::Sent && !case.answered_yes;
                hold!(outcome != "presumed" || in_doubt, "presumed without a doubt: {event}");
                case.stands = Stands::Ended;
            }
            _ => {}
        }
    }
    let open = cases.iter().find(|(_, case)| case.stands != Stands::Ended);
    hold!(
        open.is_none(),
        "an action without an outcome: {:?}",
        open.map(|(key, _)| key)
    );
    Ok(cases)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
