//! Portals behind TLS, for real: which certificates are believed, and what a proxy gets to see.

use offboard24::sandbox::World;

use super::net::{Authority, Front, Identity, Proxy};
use super::{HOW_TO, Refusal, plan_command, refusal, run};
use crate::support::{Desk, Ended, Portal, TOKEN};

const TLS: Refusal = refusal(
    2,
    "tls",
    &[
        "no trusted connection to the portal",
        "its certificate is not trusted on this machine",
        "Nothing was sent",
    ],
    "name its authority's certificate with --ca-file",
);

/// A stand-in, a TLS server before it, and a desk whose webhook leads there.
fn behind(identity: &Identity) -> (Portal, Front, Desk) {
    let portal = Portal::of(World::sample());
    let front = Front::before(&portal.host(), identity);
    let desk = Desk::through(&portal, &format!("https://{}/rest/1/{TOKEN}/", front.address));
    (portal, front, desk)
}

fn plan_with(desk: &Desk, arguments: &[&str]) -> Ended {
    run(desk, &mut plan_command(desk, arguments))
}

#[test]
fn a_certificate_of_an_unknown_authority_is_believed_only_with_its_file_and_then_the_whole_job_runs() {
    let authority = Authority::new();
    let (portal, _front, desk) = behind(&authority.sign("127.0.0.1"));
    TLS.check(&plan_with(&desk, &[]));
    assert!(portal.requests().is_empty());
    assert!(desk.journal().view().jobs().unwrap().is_empty());
    let file = authority.file(desk.folder());
    TLS.check(&desk.run(&["check", "--json"]));
    desk.run(&["check", "--ca-file", &file]).expect(0);
    let plan = plan_with(&desk, &["--ca-file", &file]).expect(0).json();
    let apply = ["apply", "--confirm", plan["confirm"].as_str().unwrap(), "--json"];
    TLS.check(&desk.run(&apply));
    portal.assert_untouched();
    desk.run(&[&apply[..], &["--ca-file", &file]].concat()).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn a_certificate_that_vouches_for_itself_is_believed_when_it_is_named() {
    let identity = Identity::self_signed("127.0.0.1");
    let (portal, _front, desk) = behind(&identity);
    TLS.check(&plan_with(&desk, &[]));
    assert!(portal.requests().is_empty());
    let file = identity.file(desk.folder());
    plan_with(&desk, &["--ca-file", &file]).expect(0);
}

#[test]
fn a_certificate_for_another_name_and_one_that_has_expired_are_refused_though_their_authority_is_named() {
    let authority = Authority::new();
    let good = authority.sign("127.0.0.1");
    let (portal, front, desk) = behind(&good);
    let file = authority.file(desk.folder());
    for bad in [
        authority.sign("portal.example"),
        authority.sign("127.0.0.2"),
        authority.sign_until("127.0.0.1", 2020),
        Authority::new().sign("127.0.0.1"),
    ] {
        front.show(&bad);
        TLS.check(&plan_with(&desk, &["--ca-file", &file]));
    }
    assert!(portal.requests().is_empty());
    front.show(&good);
    let plan = plan_with(&desk, &["--ca-file", &file]).expect(0).json();
    front.show(&authority.sign_until("127.0.0.1", 2020));
    let apply = [
        "apply",
        "--confirm",
        plan["confirm"].as_str().unwrap(),
        "--json",
        "--ca-file",
        &file,
    ];
    TLS.check(&desk.run(&apply));
    portal.assert_untouched();
    front.show(&good);
    desk.run(&apply).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
}

#[test]
fn check_warns_of_a_certificate_that_ends_within_fourteen_days() {
    let authority = Authority::new();
    let (portal, front, desk) = behind(&authority.sign_for("127.0.0.1", 16));
    let file = authority.file(desk.folder());
    let certificate = || {
        let ended = desk.run(&["check", "--rate", "unlimited", "--ca-file", &file, "--json"]);
        let checks = ended.expect(0).json()["checks"].as_array().unwrap().clone();
        let found = checks
            .into_iter()
            .find(|check| check["check"] == "certificate")
            .unwrap();
        (found["state"].to_string(), found["message"].to_string())
    };
    assert_eq!(certificate().0, "\"ok\"");
    front.show(&authority.sign_for("127.0.0.1", 5));
    let (state, message) = certificate();
    assert!(
        state.contains("warning") && message.contains("4 days left"),
        "{state} {message}"
    );
    portal.assert_untouched();
}

#[test]
fn a_certificate_file_that_is_none_is_named_before_anything_is_asked() {
    let authority = Authority::new();
    let (portal, _front, desk) = behind(&authority.sign("127.0.0.1"));
    let file = desk.roster(HOW_TO);
    for file in [file.as_str(), "absent.pem"] {
        let ended = plan_with(&desk, &["--ca-file", file]);
        refusal(2, "settings", &["--ca-file", "Nothing was sent"], "correct the setting").check(&ended);
        assert!(ended.stderr.contains(file), "{}", ended.stderr);
    }
    assert!(portal.requests().is_empty());
}

#[test]
fn a_machine_without_certificates_says_so() {
    let desk = Desk::with_webhook(&format!("https://portal.example/rest/1/{TOKEN}/"));
    let empty = desk.folder().join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(empty.join("none.pem"), "").unwrap();
    let mut command = plan_command(&desk, &[]);
    let ended = run(
        &desk,
        command
            .env("SSL_CERT_FILE", empty.join("none.pem"))
            .env("SSL_CERT_DIR", &empty),
    );
    refusal(
        2,
        "settings",
        &["certificates cannot be used", "Nothing was sent"],
        "correct the setting",
    )
    .check(&ended);
}

#[test]
fn a_proxy_leads_to_the_portal_and_sees_neither_path_nor_token() {
    let authority = Authority::new();
    let portal = Portal::of(World::sample());
    let front = Front::before(&portal.host(), &authority.sign("portal.example"));
    let proxy = Proxy::to(Some(front.address));
    let desk = Desk::through(&portal, &format!("https://portal.example/rest/1/{TOKEN}/"));
    let file = authority.file(desk.folder());
    // What this machine trusts besides, whatever it is, is another authority.
    let elsewhere = tempfile::tempdir().unwrap();
    let others = Authority::new().file(elsewhere.path());
    let through_the_proxy = |arguments: &[&str]| {
        let mut command = desk.command(&[arguments, &["--json", "--ca-file", &file]].concat());
        let address = format!("http://{}", proxy.address);
        run(&desk, command.env("HTTPS_PROXY", address).env("SSL_CERT_FILE", &others))
    };
    let roster = desk.roster(HOW_TO);
    let plan = through_the_proxy(&["plan", &roster, "--action", "kill"])
        .expect(0)
        .json();
    assert_eq!(plan["portal"], "portal.example");
    through_the_proxy(&["apply", "--confirm", plan["confirm"].as_str().unwrap()]).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    let heard = proxy.heard();
    let saw = |text: &str| heard.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(saw("CONNECT portal.example:443 HTTP/1.1"));
    assert!(!saw(TOKEN) && !saw("/rest/") && !saw("bizproc"));
    assert!(heard.len() > 10_000, "it did all go through here");
}

#[test]
fn a_proxy_that_answers_itself_is_not_believed() {
    let authority = Authority::new();
    let stranger = Portal::of(World::sample());
    let front = Front::before(&stranger.host(), &Authority::new().sign("portal.example"));
    let proxy = Proxy::to(Some(front.address));
    let desk = Desk::through(&stranger, &format!("https://portal.example/rest/1/{TOKEN}/"));
    let file = authority.file(desk.folder());
    let mut command = plan_command(&desk, &["--ca-file", &file]);
    let address = format!("http://{}", proxy.address);
    TLS.check(&run(
        &desk,
        command.env("HTTPS_PROXY", address).env("SSL_CERT_FILE", &file),
    ));
    assert!(stranger.requests().is_empty());
}
