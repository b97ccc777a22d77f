//! Several portals in a configuration file: chosen by name, and never mixed up.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use offboard24::sandbox::World;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Desk, Ended, HOW_TO, Portal, TOKEN};

/// A desk whose environment names no webhook, and a folder elsewhere for webhooks.
struct Office {
    desk: Desk,
    secrets: TempDir,
}

impl Office {
    fn new() -> Self {
        Self {
            desk: Desk::with_webhook(""),
            secrets: TempDir::new().unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.desk.folder().join(".config/offboard24/config.toml")
    }

    fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        std::fs::write(self.file(), text).unwrap();
    }

    /// Writes a webhook into a file and gives its path.
    fn webhook(&self, name: &str, url: &str) -> String {
        let path = self.secrets.path().join(name);
        std::fs::write(&path, url).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, command: &mut Command) -> Ended {
        let output = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        self.desk.wait(output.spawn().unwrap())
    }

    fn plan(&self, portal: &str) -> Command {
        let roster = self.desk.roster(HOW_TO);
        self.desk
            .command(&["plan", &roster, "--action", "kill", "--portal", portal, "--json"])
    }
}

/// Two portals, and a table for each.
fn two() -> (Portal, Portal, Office) {
    let (acme, beta) = (Portal::of(World::sample()), Portal::of(World::sample()));
    let office = Office::new();
    let (first, second) = (office.webhook("acme", &acme.url()), office.webhook("beta", &beta.url()));
    office.configure(&format!(
        "[portal.acme]\nwebhook_file = \"{first}\"\ndb = \"acme.db\"\n\n[portal.beta]\nwebhook_file = \"{second}\"\ndb = \"beta.db\"\n"
    ));
    (acme, beta, office)
}

fn kind(ended: &Ended) -> String {
    ended.json()["error"]["kind"].as_str().unwrap().to_owned()
}

/// What `config explain` says of a setting: its value, and where it comes from.
fn explained(object: &Value, name: &str) -> (String, String) {
    let settings = object["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["name"] == name);
    let setting = setting.unwrap_or_else(|| panic!("no {name} in {object:#}"));
    let origin = &setting["origin"];
    let origin = match origin["from"].as_str().unwrap() {
        "file" => format!("line {}", origin["line"]),
        "default" => "default".to_owned(),
        _ => origin["name"].as_str().unwrap().to_owned(),
    };
    (setting["value"].as_str().unwrap_or_default().to_owned(), origin)
}

#[test]
fn the_portal_that_is_named_is_the_one_that_is_asked_and_has_its_own_database() {
    let (acme, beta, office) = two();
    let plan = office.run(&mut office.plan("beta")).expect(0).json();
    assert_eq!(plan["portal"].as_str(), Some(beta.host().as_str()));
    assert!(acme.requests().is_empty());
    let folder = office.file().parent().unwrap().to_owned();
    assert!(folder.join("beta.db").exists() && !folder.join("acme.db").exists());

    // By environment as well; and the next command that is shown names the portal.
    let shown = office.run(
        office
            .desk
            .command(&["show", "--portal", "beta"])
            .env("OFFBOARD24_PORTAL", "acme"),
    );
    assert!(shown.expect(0).stdout.contains("planned"));
    let confirm = plan["confirm"].as_str().unwrap();
    let mut apply = office.desk.command(&["apply", "--confirm", confirm, "--json"]);
    let applied = office.run(apply.env("OFFBOARD24_PORTAL", "beta")).expect(0).json();
    assert_eq!(applied["state"], "complete");
    let used = office
        .run(
            &mut office
                .desk
                .command(&["apply", "--portal", "beta", "--rate", "unlimited"]),
        )
        .expect(6);
    assert!(used.stderr.contains("offboard24 --portal beta "), "{}", used.stderr);
    assert_eq!((acme.destroyed().len(), beta.destroyed().len()), (0, 9));
}

#[test]
fn a_webhook_of_another_portal_in_the_environment_is_refused() {
    let (acme, beta, office) = two();
    let ended = office
        .run(office.plan("beta").env("OFFBOARD24_WEBHOOK", acme.url()))
        .expect(6);
    assert_eq!(kind(&ended), "refused");
    for part in ["OFFBOARD24_WEBHOOK", &acme.host(), &beta.host(), "Nothing was asked"] {
        assert!(ended.stderr.contains(part), "{part}\n{}", ended.stderr);
    }
    // The same portal through another webhook is no mistake, and the environment counts before the file.
    let again = office.webhook("again", &beta.url());
    office
        .run(office.plan("beta").env("OFFBOARD24_WEBHOOK_FILE", &again))
        .expect(0);
    // With the host in the file it shows, too, that the file's own webhook leads elsewhere.
    let file = office.webhook("moved", &acme.url());
    office.configure(&format!(
        "[portal.beta]\nhost = \"{}\"\nwebhook_file = \"{file}\"\n",
        beta.host()
    ));
    assert_eq!(kind(&office.run(&mut office.plan("beta")).expect(6)), "refused");
    assert!(acme.requests().is_empty());
}

#[test]
fn a_webhook_that_everybody_can_read_or_that_stands_in_the_file_is_refused() {
    let (acme, _beta, office) = two();
    let file = office.secrets.path().join("acme");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ended = office.run(&mut office.plan("acme")).expect(2);
    assert!(ended.stderr.contains("chmod 600"), "{}", ended.stderr);

    for key in ["webhook", "webhook_file"] {
        let office = Office::new();
        office.configure(&format!("\n[portal.acme]\n{key} = \"{}\"\n", acme.url()));
        let ended = office.run(&mut office.plan("acme")).expect(2);
        assert_eq!(kind(&ended), "configuration");
        assert!(
            ended.stderr.contains("line 3: a webhook's URL is a password"),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains(TOKEN) && !ended.stdout.contains(TOKEN));
        // It is in the file because the test put it there.
        std::fs::remove_file(office.file()).unwrap();
    }
    assert!(acme.requests().is_empty());
}

#[test]
fn a_mistake_anywhere_in_the_file_is_told_with_its_line_and_nothing_is_asked() {
    let (acme, _beta, office) = two();
    let text = std::fs::read_to_string(office.file()).unwrap();
    office.configure(&format!("{text}brust = 3\n"));
    for arguments in [
        &["status", "--portal", "acme", "--json"][..],
        &["config", "explain", "--json"],
    ] {
        let ended = office.desk.run(arguments).expect(2);
        assert_eq!(kind(&ended), "configuration");
        assert!(ended.stderr.contains("line 8: unknown key brust"), "{}", ended.stderr);
    }
    office.configure(&text);
    let ended = office.run(&mut office.plan("gamma")).expect(2);
    assert!(ended.stderr.contains("there is acme, beta"), "{}", ended.stderr);
    std::fs::remove_file(office.file()).unwrap();
    let ended = office.run(&mut office.plan("acme")).expect(2);
    assert!(ended.stderr.contains("there is none"), "{}", ended.stderr);
    assert!(acme.requests().is_empty());
}

#[test]
fn without_a_name_the_file_says_nothing_and_the_demonstration_never_looks() {
    let (acme, _beta, office) = two();
    office.configure("this is no TOML");
    let roster = office.desk.roster(HOW_TO);
    let mut plan = office.desk.command(&["plan", &roster, "--action", "kill", "--json"]);
    office.run(plan.env("OFFBOARD24_WEBHOOK", acme.url())).expect(0);
    let mut demo = office.desk.command(&["demo", "--portal", "nowhere", "--json"]);
    let demo = office.run(
        demo.env("OFFBOARD24_PORTAL", "nowhere")
            .env("OFFBOARD24_WEBHOOK", acme.url()),
    );
    assert_eq!(demo.expect(0).json()["state"], "complete");
    assert!(acme.destroyed().is_empty());
}

#[test]
fn flag_before_environment_before_file_before_default() {
    let office = Office::new();
    office.configure(
        "[portal.acme]\nhost = \"acme.example\"\nwebhook_file = \"hook\"\nca_file = \"ca.pem\"\ndb = \"a.db\"\nkey_file = \"key\"\n\
         policy = \"policy.toml\"\nrate = 1\nburst = 7\n",
    );
    let explain = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = office
            .desk
            .command(&[&["config", "explain", "--json"], arguments].concat());
        command.env_remove("OFFBOARD24_WEBHOOK");
        office.run(command.envs(environment.iter().copied())).expect(0).json()
    };
    let in_folder = |name: &str| office.file().with_file_name(name).to_str().unwrap().to_owned();
    let none = explain(&[], &[]);
    for (name, value) in [
        ("rate", "2"),
        ("burst", "45"),
        ("host", ""),
        ("webhook_file", ""),
        ("portal", ""),
    ] {
        assert_eq!(explained(&none, name), (value.to_owned(), "default".to_owned()));
    }
    assert_eq!(
        explained(&none, "db"),
        (
            office.desk.database().to_str().unwrap().to_owned(),
            "default".to_owned()
        )
    );

    let file = explain(&["--portal", "acme"], &[]);
    for (name, value, origin) in [
        ("portal", "acme".to_owned(), "--portal"),
        ("host", "acme.example".to_owned(), "line 2"),
        ("webhook_file", in_folder("hook"), "line 3"),
        ("ca_file", in_folder("ca.pem"), "line 4"),
        ("db", in_folder("a.db"), "line 5"),
        ("key_file", in_folder("key"), "line 6"),
        ("policy", in_folder("policy.toml"), "line 7"),
        ("rate", "1".to_owned(), "line 8"),
        ("burst", "7".to_owned(), "line 9"),
    ] {
        assert_eq!(explained(&file, name), (value, origin.to_owned()));
    }

    let environment = [
        ("OFFBOARD24_PORTAL", "acme"),
        ("OFFBOARD24_WEBHOOK_FILE", "/run/hook"),
        ("OFFBOARD24_DB", "/run/a.db"),
        ("OFFBOARD24_KEY_FILE", "/run/key"),
        ("OFFBOARD24_POLICY", "/run/policy"),
    ];
    let from_environment = explain(&[], &environment);
    for (name, (variable, value)) in ["portal", "webhook_file", "db", "key_file", "policy"]
        .into_iter()
        .zip(environment)
    {
        assert_eq!(
            explained(&from_environment, name),
            (value.to_owned(), variable.to_owned())
        );
    }
    let from_flags = explain(
        &[
            "--portal",
            "acme",
            "--webhook-file",
            "/f/hook",
            "--db",
            "/f/a.db",
            "--key-file",
            "/f/key",
            "--ca-file",
            "/f/ca",
            "--policy",
            "/f/policy",
            "--rate",
            "unlimited",
            "--burst",
            "3",
        ],
        &environment,
    );
    for (name, value) in [
        ("portal", "acme"),
        ("webhook_file", "/f/hook"),
        ("db", "/f/a.db"),
        ("key_file", "/f/key"),
        ("ca_file", "/f/ca"),
        ("policy", "/f/policy"),
        ("rate", "unlimited"),
        ("burst", "3"),
    ] {
        let flag = match name {
            "webhook_file" => "--webhook-file".to_owned(),
            name => format!("--{}", name.replace('_', "-")),
        };
        assert_eq!(explained(&from_flags, name), (value.to_owned(), flag));
    }
}

#[test]
fn what_looks_like_a_webhook_is_not_shown() {
    let office = Office::new();
    let url = format!("https://acme.example/rest/1/{TOKEN}/");
    let mut command = office.desk.command(&["config", "explain", "--json"]);
    let command = command.env("OFFBOARD24_WEBHOOK", &url).env("OFFBOARD24_DB", &url);
    let shown = office.run(command).expect(0).json();
    assert_eq!(
        explained(&shown, "webhook"),
        ("a URL, not shown".to_owned(), "OFFBOARD24_WEBHOOK".to_owned())
    );
    let (database, _) = explained(&shown, "db");
    assert_eq!(database, "https://acme.example/rest/1/…/");
}

#[test]
fn what_holds_is_shown_with_who_said_it() {
    let office = Office::new();
    office.configure("[portal.acme]\nwebhook_file = \"acme.webhook\"\nrate = 0.5\n\n[portal.beta]\n");
    let mut command = office
        .desk
        .command(&["config", "explain", "--portal", "acme", "--burst", "10"]);
    let shown = office
        .run(command.env("OFFBOARD24_DB", "/srv/acme.db"))
        .expect(0)
        .stdout;
    let shown = shown.replace(office.desk.folder().to_str().unwrap(), "/home/ann");
    let lines: Vec<String> = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    insta::assert_snapshot!("config_explain", lines.join("\n"));
}

#[test]
fn a_policy_that_the_file_names_holds_for_plan_and_run() {
    let portal = Portal::of(World::sample());
    let office = Office::new();
    let webhook = office.webhook("acme", &portal.url());
    office.configure(&format!(
        "[portal.acme]\nwebhook_file = \"{webhook}\"\npolicy = \"policy.toml\"\n"
    ));
    std::fs::write(office.file().with_file_name("policy.toml"), "[protect]\nusers = [29]\n").unwrap();
    let plan = office.run(&mut office.plan("acme")).expect(4).json();
    assert_eq!(plan["rows"]["protected"], 1, "{plan}");
    let mut other = office.plan("acme");
    let empty = office.desk.folder().join("empty.toml");
    std::fs::write(&empty, "").unwrap();
    let plan = office.run(other.arg("--policy").arg(empty)).expect(0).json();
    assert_eq!(plan["rows"]["protected"], 0, "a flag counts before the file");
}
