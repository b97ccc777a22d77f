//! `offboard24 sandbox`: the stand-in portal alone, for rehearsals.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Ending;
use super::failure::Failure;
use super::signals::Signals;
use super::terminal::Terminal;
use crate::exit::Exit;
use crate::sandbox::{Behaviour, Choice, Fault, FaultKind, Options, Sandbox, World, WorldOptions};

/// What the stand-in is started with.
#[derive(Args, Debug)]
pub(crate) struct SandboxArguments {
    /// Where to listen: a loopback address; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Make a portal of so many people, instead of the people of samples/
    #[arg(long, value_name = "N")]
    people: Option<u32>,
    /// Open tasks of each person, on average
    #[arg(long, value_name = "M", default_value_t = 3, requires = "people")]
    tasks_per_person: u32,
    /// How many of a hundred people are dismissed
    #[arg(long, value_name = "PERCENT", default_value_t = 20, requires = "people", value_parser = clap::value_parser!(u32).range(0..=100))]
    dismissed_percent: u32,
    /// Write a roster of the dismissed people
    #[arg(long, value_name = "FILE")]
    roster_out: Option<PathBuf>,
    /// People in that roster [default: all who are dismissed]
    #[arg(long, value_name = "N", requires = "roster_out")]
    roster_people: Option<usize>,
    /// Requests a second that it forgets, as the portal does; 0 for no limit
    #[arg(long, default_value_t = 2.0)]
    rate: f64,
    /// Requests that it takes at once
    #[arg(long, default_value_t = 50.0)]
    burst: f64,
    /// Requests a second that another client behind the same address sends
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = neighbour_rate)]
    neighbour_rate: f64,
    /// Milliseconds that every answer is under way
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,
    /// Milliseconds that one kill or terminate takes
    #[arg(long, value_name = "MS", default_value_t = 0)]
    command_ms: u64,
    /// Seconds of operating time that a method may use in ten minutes; 0 for no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 480.0)]
    operating_limit: f64,
    /// A fault, such as lost-answer@destroy:2; may be given several times. `--help` lists them
    #[arg(long, value_name = "KIND@WHEN", long_help = faults())]
    fault: Vec<Fault>,
    /// A variant of the portal, such as missing-workflow=true; may be given several times. `--help` lists them
    #[arg(long, value_name = "NAME=FORM", long_help = behaviours())]
    behaviour: Vec<Choice>,
    /// Makes people, workflows and the token: equal seeds, equal portals
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl SandboxArguments {
    fn options(&self) -> Result<Options, Failure> {
        if !self.listen.ip().is_loopback() {
            return Err(
                Failure::usage("the stand-in portal listens on loopback only: whoever reaches it controls it")
                    .next("--listen 127.0.0.1:0"),
            );
        }
        let mut behaviour = Behaviour::default();
        self.behaviour.iter().for_each(|choice| behaviour.choose(*choice));
        let or_never = |limit: f64| if limit > 0.0 { limit } else { f64::INFINITY };
        Ok(Options {
            listen: self.listen,
            seed: self.seed,
            world: WorldOptions::Given(Box::new(self.world())),
            rate_per_second: or_never(self.rate),
            burst: or_never(self.burst),
            neighbour_rate: self.neighbour_rate,
            latency: Duration::from_millis(self.latency_ms),
            command_duration: Duration::from_millis(self.command_ms),
            operating_limit_seconds: or_never(self.operating_limit),
            behaviour,
            faults: self.fault.clone(),
            ..Options::default()
        })
    }

    fn world(&self) -> World {
        match self.people {
            None => World::sample(),
            Some(people) => World::generated(people, self.tasks_per_person, self.dismissed_percent, self.seed),
        }
    }
}

/// Requests a second that one neighbour can send.
fn neighbour_rate(text: &str) -> Result<f64, String> {
    let rate = text
        .parse::<f64>()
        .ok()
        .filter(|rate| *rate == 0.0 || (0.001..=1_000.0).contains(rate));
    rate.ok_or_else(|| "write 0, or a number between 0.001 and 1000".to_owned())
}

/// All faults, for the long help.
fn faults() -> String {
    let kinds = FaultKind::ALL.iter().map(|kind| format!("  {kind}: {}", kind.about()));
    format!(
        "A fault, such as lost-answer@destroy:2; may be given several times. What goes wrong, and behind @ where: at the n-th \
         request, the n-th that destroys (destroy), the n-th kill or terminate (command), or the n-th with that method\n\n{}",
        kinds.collect::<Vec<_>>().join("\n")
    )
}

/// All variants, for the long help.
fn behaviours() -> String {
    let forms = |forms: &[(&str, &str)]| {
        let lines = forms
            .iter()
            .map(|(word, about)| format!("    {word}: {}", about.trim()));
        lines.collect::<Vec<_>>().join("\n")
    };
    let variants = Behaviour::VARIANTS
        .iter()
        .map(|variant| format!("  {}: {}\n{}", variant.name, variant.about.trim(), forms(variant.forms)));
    format!(
        "A variant of the portal, such as missing-workflow=true; may be given several times. The first form of each is the usual one\n\n{}",
        variants.collect::<Vec<_>>().join("\n")
    )
}

pub(crate) async fn sandbox(terminal: &Terminal, arguments: SandboxArguments) -> Ending {
    let options = arguments.options()?;
    if let Some(path) = &arguments.roster_out {
        let roster = arguments
            .world()
            .roster_csv(arguments.roster_people.unwrap_or(usize::MAX));
        std::fs::write(path, roster)
            .map_err(|cause| Failure::usage(format!("{} cannot be written: {cause}", path.display())))?;
    }
    let signals = Signals::listen_quietly()
        .map_err(|cause| Failure::new("signals", Exit::Bug, format!("cannot listen for signals: {cause}")))?;
    let sandbox = Sandbox::start(options)
        .await
        .map_err(|cause| Failure::usage(format!("cannot listen on {}: {cause}", arguments.listen)))?;
    let url = sandbox.webhook_url();
    terminal.object(&serde_json::json!({ "webhook": url, "address": sandbox.address().to_string() }));
    terminal.say(&format!("export OFFBOARD24_WEBHOOK={url}"));
    terminal.note("a stand-in portal, for rehearsals; it forgets everything when it ends. Ctrl-C ends it");
    signals.stop().asked().await;
    sandbox.stop().await;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        sandbox: SandboxArguments,
    }

    #[test]
    fn the_variant_of_the_portal_is_chosen_on_the_command_line() {
        let parse = |words: &[&str]| Line::try_parse_from(std::iter::once("sandbox").chain(words.iter().copied()));
        let line = parse(&[
            "--behaviour",
            "missing-workflow=true",
            "--behaviour=yo=distinct",
            "--neighbour-rate",
            "1.5",
        ]);
        let options = line.unwrap().sandbox.options().unwrap();
        let mut expected = Behaviour::default();
        for choice in ["missing-workflow=true", "yo=distinct"] {
            expected.choose(choice.parse().unwrap());
        }
        assert_eq!((options.behaviour, options.neighbour_rate), (expected, 1.5));
        for wrong in ["missing-workflow=maybe", "weather=fine", "yo"] {
            assert!(parse(&["--behaviour", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_long_help_lists_every_form_of_every_variant() {
        let help = behaviours();
        for variant in Behaviour::VARIANTS {
            assert!(help.contains(&format!("  {}:", variant.name)), "{}", variant.name);
            for (form, about) in variant.forms {
                assert!(help.contains(&format!("    {form}: {}", about.trim())), "{form}");
            }
        }
    }
}
