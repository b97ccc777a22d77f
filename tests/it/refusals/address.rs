//! Addresses at which no portal can be asked: each is told, in seconds, and the same command completes once it is right.

use std::process::Child;

use offboard24::sandbox::{Options, World};

use super::net::{Proxy, Site, nobody};
use super::{Refusal, plan_command, refusal, run, start};
use crate::support::{Desk, Portal, TOKEN, number, unlimited};

const UNREACHABLE: Refusal = refusal(
    9,
    "unreachable",
    &[
        "cannot be reached (3 attempts)",
        "no connection",
        "What is recorded stays valid",
    ],
    "check the host in the webhook's URL, network, VPN and HTTPS_PROXY",
);

#[test]
fn a_url_that_is_no_webhook_is_refused_before_anything_is_asked() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let host = portal.host();
    for (url, part) in [
        (
            format!("http://{host}/"),
            "not a URL of the form https://HOST/rest/USER/TOKEN/",
        ),
        (format!("http://{host}/company/personal/"), "not a URL of the form"),
        (format!("http://{host}/rest/{TOKEN}/"), "not a URL of the form"),
        (
            format!("http://{host}/rest/1/{TOKEN}/profile"),
            "something follows the token",
        ),
        (
            format!("http://acme.bitrix24.com/rest/1/{TOKEN}/"),
            "would send the token in the clear",
        ),
        (
            format!("https://acme bitrix24.com/rest/1/{TOKEN}/"),
            "host name is not valid",
        ),
        (String::new(), "not a URL of the form"),
    ] {
        let ended = run(&desk, plan_command(&desk, &[]).env("OFFBOARD24_WEBHOOK", &url));
        refusal(2, "usage", &[], "copy the URL from the webhook's page in the portal").check(&ended);
        assert!(ended.stderr.contains(part), "{url}: {}", ended.stderr);
    }
    assert!(portal.requests().is_empty());
    assert!(!desk.database().exists(), "not even a database was made");
    run(&desk, &mut plan_command(&desk, &[])).expect(0);
}

/// Desks whose portal cannot be reached, all of them at once: each asks three times, in about three seconds.
#[test]
fn what_does_not_answer_is_told_in_seconds_and_once_it_is_there_the_same_command_completes() {
    let closed = nobody();
    let proxy = nobody();
    let refusing = Proxy::to(None);
    let url = |place: &str| format!("https://{place}/rest/1/{TOKEN}/");
    // No label of a name has more than 63 letters, so that no name server needs to be asked.
    let no_such_name = url(&format!("{}.example", "a".repeat(64)));
    let unreachable: [(String, Option<String>); 4] = [
        (format!("http://{closed}/rest/1/{TOKEN}/"), None),
        (no_such_name, None),
        (url("portal.example"), Some(format!("http://{proxy}"))),
        (url("portal.example"), Some(format!("http://{}", refusing.address))),
    ];
    let begun: Vec<(Desk, Child)> = unreachable
        .into_iter()
        .map(|(webhook, proxy)| {
            let desk = Desk::with_webhook(&webhook);
            let mut command = plan_command(&desk, &[]);
            let child = start(command.envs(proxy.map(|proxy| ("HTTPS_PROXY", proxy))));
            (desk, child)
        })
        .collect();
    let desks: Vec<Desk> = begun
        .into_iter()
        .map(|(desk, child)| {
            let ended = desk.wait(child);
            UNREACHABLE.check(&ended);
            assert!(ended.stderr.contains(": no connection (profile)"), "{}", ended.stderr);
            assert!(desk.journal().view().jobs().unwrap().is_empty());
            desk
        })
        .collect();
    let heard = String::from_utf8(refusing.heard()).unwrap();
    assert!(
        heard.starts_with("CONNECT portal.example:443 ") && !heard.contains("rest"),
        "{heard}"
    );
    let portal = Portal::with(Options {
        listen: closed,
        ..unlimited()
    });
    run(&desks[0], &mut plan_command(&desks[0], &[])).expect(0);
    assert_eq!(number(&desks[0].status(), "/actions/planned"), 9);
    portal.assert_untouched();
}

#[test]
fn a_site_that_is_no_portal_is_told_apart_from_a_portal_that_is_away() {
    let sites = [
        ("200 OK", "text/html", "<html><title>Welcome</title></html>", "HTTP 200"),
        ("404 Not Found", "text/html", "<html>no such page</html>", "HTTP 404"),
        ("403 Forbidden", "text/html", "<html>go away</html>", "HTTP 403"),
        ("200 OK", "application/json", r#"{"status":"UP"}"#, "HTTP 200"),
        (
            "404 Not Found",
            "application/json",
            r#"{"message":"no route"}"#,
            "HTTP 404",
        ),
    ]
    .map(|(status, kind, body, said)| (Site::saying(status, kind, body), said));
    let begun: Vec<(Desk, Child)> = sites
        .iter()
        .map(|(site, _)| {
            let desk = Desk::with_webhook(&format!("http://{}/rest/1/{TOKEN}/", site.address));
            let child = start(&mut plan_command(&desk, &[]));
            (desk, child)
        })
        .collect();
    let portal = Portal::of(World::sample());
    for ((site, said), (desk, child)) in sites.iter().zip(begun) {
        let ended = desk.wait(child);
        refusal(
            2,
            "no-portal",
            &[
                "is no Bitrix24 portal",
                "Only the question whose webhook it is was sent there",
            ],
            "compare the host in the webhook's URL with the portal's",
        )
        .check(&ended);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert!(site.was_asked());
        assert!(desk.journal().view().jobs().unwrap().is_empty());
        run(&desk, plan_command(&desk, &[]).env("OFFBOARD24_WEBHOOK", portal.url())).expect(0);
    }
}

#[test]
fn a_redirect_is_told_and_not_followed_and_without_it_the_same_command_completes() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    portal.inject("redirect-302@request:1");
    let ended = run(&desk, &mut plan_command(&desk, &[]));
    let redirected = refusal(
        7,
        "redirected",
        &[
            "answers with a redirect to ",
            "it was renamed",
            "The redirect was not followed",
        ],
        "make a webhook at the new address",
    );
    redirected.check(&ended);
    assert_eq!(portal.requests().len(), 1, "asked once");
    assert!(desk.journal().view().jobs().unwrap().is_empty());
    let plan = run(&desk, &mut plan_command(&desk, &[])).expect(0).json();

    portal.inject("redirect-302@request:1");
    redirected.check(&desk.apply(&plan));
    portal.assert_untouched();
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
    desk.assert_sound();
}

#[test]
fn another_portals_webhook_is_refused_before_it_is_asked_and_the_jobs_own_completes_it() {
    let portal = Portal::of(World::sample());
    let other = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let plan = desk.plan(&desk.roster(super::HOW_TO), "kill");
    let confirm = plan["confirm"].as_str().unwrap();
    let message = format!(
        "job 1 belongs to {}, and the webhook to {}; nothing was asked",
        portal.host(),
        other.host()
    );
    for arguments in [&["apply", "--confirm", confirm, "--json"][..], &["resume", "--json"]] {
        let ended = run(&desk, desk.command(arguments).env("OFFBOARD24_WEBHOOK", other.url()));
        refusal(
            6,
            "refused",
            &["nothing was asked"],
            "use a webhook of the job's portal",
        )
        .check(&ended);
        let object = ended.json();
        assert_eq!(object["error"]["message"], message);
        assert_eq!(
            (object["job"].as_u64(), object["state"].as_str()),
            (Some(1), Some("planned"))
        );
    }
    assert!(other.requests().is_empty());
    desk.apply(&plan).expect(0);
    assert_eq!(portal.destroyed().len(), 9);
}

#[test]
fn no_proxy_is_asked_for_a_portal_on_this_machine() {
    let portal = Portal::of(World::sample());
    let desk = Desk::at(&portal);
    let proxy = Proxy::to(None);
    let address = format!("http://{}", proxy.address);
    let mut command = plan_command(&desk, &[]);
    let names = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ];
    run(&desk, command.envs(names.map(|name| (name, &address)))).expect(0);
    assert_eq!(proxy.heard(), b"");
}
