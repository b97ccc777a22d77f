//! `offboard24 config explain`: each setting with who said it. Never a secret: of the webhook only where it is.

use std::path::PathBuf;

use clap::Subcommand;
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::Ending;
use super::chosen::{Chosen, Origin};
use super::failure::Failure;
use super::profile::Configuration;
use super::settings::{Common, PortalArguments, WebhookPlace};
use super::terminal::{Terminal, without_token};
use super::text::{NOTHING, line};
use crate::exit::Exit;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each setting as a command with these flags would use it, and where it comes from; asks nobody
    #[command(after_help = "Example: offboard24 config explain --portal acme")]
    Explain {
        /// Rules about what is protected or held (TOML) [env: `OFFBOARD24_POLICY`]
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        #[command(flatten)]
        portal: PortalArguments,
    },
}

/// A setting as it is shown.
struct Setting {
    name: &'static str,
    value: Option<String>,
    origin: Origin,
}

impl Setting {
    fn of(name: &'static str, chosen: Option<Chosen<String>>) -> Self {
        let (value, origin) = match chosen {
            Some(chosen) => (Some(without_token(&chosen.value)), chosen.origin),
            None => (None, Origin::Default),
        };
        Self { name, value, origin }
    }

    fn json(&self) -> Value {
        let origin = match &self.origin {
            Origin::Flag(name) => json!({ "from": "flag", "name": name }),
            Origin::Environment(name) => json!({ "from": "environment", "name": name }),
            Origin::File { path, line } => {
                json!({ "from": "file", "file": path.display().to_string(), "line": line })
            }
            Origin::Default => json!({ "from": "default" }),
        };
        json!({ "name": self.name, "value": self.value, "origin": origin })
    }
}

pub(crate) fn config(common: &Common, terminal: &Terminal, command: &ConfigCommand) -> Ending {
    let ConfigCommand::Explain { policy, portal } = command;
    let mut common = common.clone();
    let path = common.paths()?.configuration();
    // Looked at also when no portal was named: whoever asks wants to know what is wrong with it, and what there is.
    let configuration = Configuration::read(&path, crate::paths::home().as_deref())?;
    common.configure()?;
    let settings = settings(&common, portal, policy.clone())?;
    let portals: Vec<String> = configuration.iter().flat_map(|file| file.0.keys().cloned()).collect();
    terminal.object(&json!({
        "configuration": { "file": path.display().to_string(), "exists": configuration.is_some(), "portals": portals },
        "settings": settings.iter().map(Setting::json).collect::<Vec<_>>(),
    }));
    let found = match (configuration.is_some(), portals.as_slice()) {
        (false, _) => "is not there".to_owned(),
        (true, []) => "has no portal".to_owned(),
        (true, names) => format!("has the portals {}", line(&names.join(", "))),
    };
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["SETTING", "VALUE", "FROM"]);
    for setting in &settings {
        let value = setting.value.as_deref().map_or_else(|| NOTHING.to_owned(), line);
        table.add_row([setting.name.to_owned(), value, line(&setting.origin.to_string())]);
    }
    terminal.say(&format!("{} {found}\n\n{}", path.display(), table.trim_fmt()));
    Ok(Exit::Done)
}

/// All settings, as a command with these arguments would use them.
fn settings(common: &Common, portal: &PortalArguments, policy: Option<PathBuf>) -> Result<Vec<Setting>, Failure> {
    let paths = common.paths()?;
    let shown = |chosen: Option<Chosen<PathBuf>>| chosen.map(|file| file.map(|path| path.display().to_string()));
    let webhook = portal.webhook(common);
    let is_in_variable = matches!(&webhook, Some(place) if place.value == WebhookPlace::Variable);
    let webhook_name = if is_in_variable { "webhook" } else { "webhook_file" };
    Ok(vec![
        Setting::of("portal", common.portal()),
        Setting::of("host", common.host()),
        Setting::of(webhook_name, webhook.map(|place| place.map(|place| place.to_string()))),
        Setting::of("ca_file", shown(portal.ca_file(common))),
        Setting::of("db", shown(Some(common.database(&paths)))),
        Setting::of("key_file", shown(Some(common.key(&paths)))),
        Setting::of("policy", shown(common.policy(policy))),
        Setting::of("rate", Some(portal.rate(common).map(|rate| rate.to_string()))),
        Setting::of("burst", Some(portal.burst(common).map(|burst| burst.to_string()))),
        Setting::of(
            "lang",
            Some(common.language()?.map(|language| language.words().tag.to_owned())),
        ),
    ])
}
