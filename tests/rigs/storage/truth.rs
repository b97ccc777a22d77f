//! The four promises: what the journal says, against what the portal saw. Shares no code with the engine.

use std::collections::BTreeMap;

use offboard24::journal::receipt::Receipt;
use offboard24::journal::verify::{Against, verify};
use offboard24::sandbox::RequestRecord;
use serde_json::Value;

use super::Checked;
use super::site::Site;

/// A destroying command that arrived: workflow and method.
type Command = (String, String);

/// The destroying commands of these requests, in order.
pub(super) fn destroying(requests: &[RequestRecord]) -> Vec<Command> {
    let commands = requests.iter().flat_map(|request| &request.commands);
    commands
        .filter(|command| command.destroys())
        .map(|command| {
            let workflow = command.params["ID"].as_str().unwrap_or_default();
            let kind = command.method.rsplit('.').next().unwrap_or_default();
            (workflow.to_owned(), kind.to_owned())
        })
        .collect()
}

/// Whatever state the job is in: nothing is on record better than it was, and nothing happened that is not on record.
pub(super) fn promises_hold(site: &Site) -> Checked {
    let story = site.story()?;
    every_command_was_intended(site, &story)?;
    outcomes_are_true(site, &story)
}

/// The job is over, everything in it is on record as gone, and is; the record is whole.
pub(super) fn job_is_done(site: &Site) -> Checked {
    promises_hold(site)?;
    record_is_whole(site)?;
    let outcomes = outcomes(&site.story()?)?;
    if outcomes.len() != site.expected {
        return Err(format!("{} actions and not {}", outcomes.len(), site.expected));
    }
    for (workflow, outcome) in &outcomes {
        match outcome.as_deref() {
            Some("confirmed" | "presumed") => {}
            other => return Err(format!("{workflow} ended as {other:?}")),
        }
    }
    Ok(())
}

/// What whoever verifies the journal finds, with the head of this machine at hand; and each receipt can be read.
pub(super) fn record_is_whole(site: &Site) -> Checked {
    let against = Against {
        heads: Some(site.heads()),
        ..Against::default()
    };
    let report = verify(&site.database(), &against).map_err(|cause| format!("it cannot be verified: {cause}"))?;
    if !report.is_intact() {
        return Err(format!("verify finds: {:?}", report.findings));
    }
    receipts_are_whole(site)
}

pub(super) fn receipts_are_whole(site: &Site) -> Checked {
    let Ok(entries) = std::fs::read_dir(site.heads()) else {
        return Ok(());
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let is_receipt = path.extension().is_some_and(|ending| ending == "receipt");
        if is_receipt && Receipt::parse(&std::fs::read_to_string(&path).unwrap_or_default()).is_err() {
            return Err(format!("{} is half a receipt", path.display()));
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// No workflow got more destroying commands of a kind than there are intents for it.
fn every_command_was_intended(site: &Site, story: &[Value]) -> Checked {
    let mut intents: BTreeMap<Command, usize> = BTreeMap::new();
    let mut answered: BTreeMap<u64, String> = BTreeMap::new();
    for event in story {
        let (data, action) = (&event["data"], event["data"]["action"].as_u64().unwrap_or_default());
        match event["kind"].as_str() {
            Some("attempt_intended") => {
                if answered.get(&action).is_some_and(|answer| answer == "yes") {
                    return Err(format!("sent again after a yes: {event}"));
                }
                *intents.entry((text(&data["workflow"]), text(&data["do"]))).or_default() += 1;
            }
            Some("attempt_answered") => drop(answered.insert(action, text(&data["answer"]))),
            Some("action_reopened") => drop(answered.remove(&action)),
            _ => {}
        }
    }
    let mut sent: BTreeMap<Command, usize> = BTreeMap::new();
    for command in destroying(&site.requests()) {
        *sent.entry(command).or_default() += 1;
    }
    for (command, times) in sent {
        let intended = intents.get(&command).copied().unwrap_or_default();
        if times > intended {
            return Err(format!(
                "{command:?} was sent {times} times and intended {intended} times"
            ));
        }
    }
    Ok(())
}

/// Each workflow's outcome since it was last reopened; none before it has one. Two are a finding.
fn outcomes(story: &[Value]) -> Checked<BTreeMap<String, Option<String>>> {
    let mut workflows: BTreeMap<u64, String> = BTreeMap::new();
    let mut outcomes: BTreeMap<String, Option<String>> = BTreeMap::new();
    for event in story {
        let data = &event["data"];
        let action = data["action"].as_u64().unwrap_or_default();
        match event["kind"].as_str() {
            // What is held is not done.
            Some("action_planned") if data["holds"].as_array().is_none_or(Vec::is_empty) => {
                workflows.insert(action, text(&data["workflow"]));
                outcomes.insert(text(&data["workflow"]), None);
            }
            Some("action_ended") => {
                let workflow = workflows.get(&action).cloned().unwrap_or_default();
                if outcomes
                    .insert(workflow.clone(), Some(text(&data["outcome"])))
                    .flatten()
                    .is_some()
                {
                    return Err(format!("{workflow} has two outcomes"));
                }
            }
            Some("action_reopened") => {
                let workflow = workflows.get(&action).cloned().unwrap_or_default();
                outcomes.insert(workflow, None);
            }
            _ => {}
        }
    }
    Ok(outcomes)
}

/// What is called gone does not run; what is called confirmed was destroyed by us; what is called untouched was not.
fn outcomes_are_true(site: &Site, story: &[Value]) -> Checked {
    let destroyed = site.destroyed()?;
    let world = site.world();
    for (workflow, outcome) in outcomes(story)? {
        let Some(outcome) = outcome else { continue };
        let gone = matches!(
            outcome.as_str(),
            "confirmed" | "presumed" | "already_gone" | "unattributed"
        );
        if gone && world.running(&workflow).is_some() {
            return Err(format!("{workflow} is called {outcome} and runs"));
        }
        if outcome == "confirmed" && !destroyed.contains(&workflow) {
            return Err(format!("{workflow} is called confirmed, and nothing destroyed it"));
        }
        if matches!(outcome.as_str(), "failed" | "survived" | "drifted" | "already_gone")
            && destroyed.contains(&workflow)
        {
            return Err(format!("{workflow} was destroyed and is called {outcome}"));
        }
    }
    Ok(())
}
