//! Outputs that are closed or full in mid-run: what is recorded counts, and a run is not stopped by who stopped reading.

use std::fs::File;
use std::process::{Command, Stdio};

use offboard24::sandbox::{RequestRecord, World};

use super::{HOW_TO, run};
use crate::support::{Desk, Keeper, Portal, await_on, await_that, number};

/// Carries the nine workflows out with this output.
fn apply_with(change: impl FnOnce(Command) -> Command, json: bool) {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let mut arguments = vec!["apply", "--confirm", plan["confirm"].as_str().unwrap()];
    arguments.extend(json.then_some("--json"));
    let mut command = change(desk.command(&arguments));
    let status = command.status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(portal.destroyed().len(), 9);
    let status = desk.status();
    assert_eq!(
        (status["state"].as_str(), number(&status, "/actions/confirmed")),
        (Some("complete"), 9)
    );
    desk.assert_sound();
}

/// The writing end of a pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// The same command behind a shell that closes these descriptors.
fn without(command: &Command, closed: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    shell
        .args(["-c", &format!("exec \"$0\" \"$@\" {closed}")])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(set)
        .current_dir(command.get_current_dir().unwrap());
    shell
}

#[test]
fn a_pipe_that_nobody_reads_stops_no_run() {
    for json in [false, true] {
        apply_with(
            |mut command| {
                command.stdout(unread()).stderr(Stdio::null());
                command
            },
            json,
        );
        apply_with(
            |mut command| {
                command.stdout(Stdio::null()).stderr(unread());
                command
            },
            json,
        );
        apply_with(
            |mut command| {
                command.stdout(unread()).stderr(unread());
                command
            },
            json,
        );
    }
}

#[test]
fn descriptors_that_are_closed_from_the_beginning_stop_no_run_and_are_not_mistaken_for_the_database() {
    for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        apply_with(
            |command| {
                let mut shell = without(&command, closed);
                shell.stdout(Stdio::null()).stderr(Stdio::null());
                shell
            },
            true,
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_on_a_full_disk_stops_no_run() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    apply_with(
        |mut command| {
            command.stdout(full()).stderr(full());
            command
        },
        true,
    );
}

#[test]
fn a_reader_that_takes_one_line_gets_it_and_everything_is_done() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    let command = desk.command(&["apply", "--confirm", plan["confirm"].as_str().unwrap()]);
    let piped = run(&desk, &mut without(&command, "2>&- | head -1"));
    assert!(
        piped.stdout.starts_with("job 1 on ") && piped.stdout.lines().count() == 1,
        "{}",
        piped.stdout
    );
    // The shell ends with its last command, which may be before ours.
    await_that("the job is complete", || desk.status()["state"] == "complete");
    assert_eq!(portal.destroyed().len(), 9);
}

/// No promise is made about a terminal that hangs up but the one about every death: nothing is lost.
#[test]
fn a_terminal_that_hangs_up_in_mid_run_costs_nothing_but_a_resume() {
    // Kept to the end: nobody waits for the answer any more.
    let (portal, _keeper) = Keeper::before(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(HOW_TO), "kill");
    // Asked for in the preflight, before the first batch, and after it.
    portal.inject("delay:1s@bizproc.workflow.instances:3");
    let mut child = desk.start(&["apply", "--confirm", plan["confirm"].as_str().unwrap()]);
    await_on(&mut child, "the first effect is read back", || {
        let requests = portal.requests();
        let sent = requests.iter().position(RequestRecord::destroys);
        sent.is_some_and(|sent| sent + 1 < requests.len())
    });
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
    desk.wait(child).expect(129);
    assert_eq!(portal.destroyed().len(), 1);
    let status = desk.status();
    assert_eq!(
        (status["state"].as_str(), status["stop_reason"].as_str()),
        (Some("stopped"), Some("crash"))
    );
    desk.run(&["resume"]).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}
