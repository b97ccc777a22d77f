//! The sandbox as a client sees it: over HTTP, with a client that knows nothing of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use super::behaviour::{
    ActiveForm, AdminMode, AuthStatus, BatchBilling, CutCommand, FailedKill, FilterArrays, IdForm, MissingWorkflow,
    OperatingBlock, StartName, UserOrder,
};
use super::world::User;
use super::*;

const KILL: &str = "bizproc.workflow.kill";
const TERMINATE: &str = "bizproc.workflow.terminate";
const TASKS: &str = "bizproc.task.list";
const INSTANCES: &str = "bizproc.workflow.instances";

/// What a client got: status and body, or nothing.
type Got = Option<(u16, String)>;

/// Sends bytes and reads until the connection is closed.
async fn exchange(address: SocketAddr, request: String) -> Got {
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A connection that is cut off may end in an error: what came before it counts.
        drop(stream.read_to_end(&mut answer));
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.get(9..12)?.parse().unwrap(), body.to_owned()))
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

fn request(http_method: &str, url: &str, content_type: &str, body: &str) -> String {
    let path = url
        .strip_prefix("http://")
        .and_then(|rest| rest.find('/').map(|slash| &rest[slash..]))
        .unwrap_or(url);
    format!(
        "{http_method} {path} HTTP/1.1\r\nHost: portal\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn raw(sandbox: &Sandbox, method: &str, params: &Value) -> Got {
    let url = format!("{}{method}", sandbox.webhook_url());
    exchange(
        sandbox.address(),
        request("POST", &url, "application/json", &params.to_string()),
    )
    .await
}

async fn call(sandbox: &Sandbox, method: &str, params: Value) -> (u16, Value) {
    let (status, body) = raw(sandbox, method, &params).await.unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

/// The result of a call that must succeed.
async fn result(sandbox: &Sandbox, method: &str, params: Value) -> Value {
    let (status, body) = call(sandbox, method, params).await;
    assert_eq!(status, 200, "{body}");
    body["result"].clone()
}

async fn batch(sandbox: &Sandbox, commands: Value) -> Value {
    result(sandbox, "batch", json!({"halt": 0, "cmd": commands})).await
}

fn column(rows: &Value, field: &str) -> Vec<String> {
    let texts = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[field].as_str().unwrap_or("-").to_owned());
    texts.collect()
}

/// Three dismissed people, an active colleague, and a workflow for each, with one that two share.
fn small_world() -> World {
    let mut world = World::empty();
    world.add_user(User::new(2, "Ann", "Lee", "j_doe@example.com").dismissed());
    world.add_user(User::new(3, "Bob", "Lee", "jadoe@example.com"));
    world.add_user(
        User::new(4, "Cid", "Fox", "cid@example.com")
            .dismissed()
            .without_department(),
    );
    world.add_user(User::new(5, "Bot", "", "").without_department());
    world.edit_user(5, |user| user.user_type = "bot".to_owned());
    for person in [2, 3, 4] {
        let workflow = world.start_workflow(person, "Memo");
        world.ask(&workflow, "Read", &[person]);
    }
    let shared = world.start_workflow(3, "Contract");
    world.ask(&shared, "Sign", &[2, 3]);
    world
}

/// The ids of all workflows of the small world, in the order in which they were started.
fn ids(sandbox: &Sandbox) -> Vec<String> {
    let world = locked(sandbox.world());
    let mut ids: Vec<(i64, String)> = world.workflows().map(|one| (one.started, one.id.clone())).collect();
    ids.sort();
    ids.into_iter().map(|(_, id)| id).collect()
}

fn options(world: World) -> Options {
    Options {
        world: WorldOptions::Given(Box::new(world)),
        rate_per_second: f64::INFINITY,
        ..Options::default()
    }
}

async fn small() -> Sandbox {
    Sandbox::start(options(small_world())).await.unwrap()
}

#[tokio::test]
async fn users_are_found_by_patterns_where_equality_was_meant() {
    let sandbox = small().await;
    let found = async |filter: Value| {
        let params = json!({"filter": filter, "ADMIN_MODE": true, "SORT": "ID", "ORDER": "ASC"});
        column(&result(&sandbox, "user.get", params).await, "ID").join(" ")
    };
    let everybody = "1 2 3 4";
    let cases = [
        (json!({"EMAIL": "j_doe@example.com"}), "2 3"),
        (json!({"=EMAIL": "J_DOE@example.com"}), "2"),
        (json!({"=email": "j_doe@example.com"}), "2"),
        (json!({"NAME": "%"}), everybody),
        (json!({"LOGIN": "ann"}), everybody),
        (json!({"EMIAL": "x"}), everybody),
        (json!({"!=%NAME": "Ann"}), everybody),
        (json!({"ID": "2abc"}), "2"),
        (json!({"ID": ""}), ""),
        (json!({"ID": []}), ""),
        (json!({"@ID": [2, "3"]}), "2 3"),
        (json!({">ID": 2}), "3 4"),
        (json!({"ACTIVE": "false"}), "1 3"),
        (json!({"ACTIVE": false}), "2 4"),
        (json!({"ACTIVE": "N"}), "2 4"),
        (json!({"ACTIVE": ["N"]}), "1 3"),
        (json!({"ID": 5}), ""),
        (json!({"=NAME": "Bob", "=LAST_NAME": "lee"}), "3"),
        (json!({"=EMAIL": ["CID@example.com ", "j_doe@example.com"]}), "2 4"),
        (json!({"!=EMAIL": "j_doe@example.com"}), "1 3 4"),
        (json!({"=EMAIL": ["", "j_doe@example.com"]}), "2"),
        (json!({"ID": [4, 3, 3, 77]}), "3 4"),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(filter.clone()).await, expected, "{filter}");
    }
    locked(sandbox.world()).edit_user(3, |user| user.email = Some("bob@example.com".to_owned()));
    locked(sandbox.world()).edit_user(2, |user| user.email = None);
    for (email, expected) in [("bob@example.com", "3"), ("j_doe@example.com", ""), ("", "2")] {
        assert_eq!(found(json!({"=EMAIL": email})).await, expected, "{email}");
    }
}

#[tokio::test]
async fn people_without_a_department_are_hidden_but_from_administrators_who_ask_so() {
    let sandbox = small().await;
    let found = async |params: Value| column(&result(&sandbox, "user.get", params).await, "ID").join(" ");
    assert_eq!(found(json!({"filter": {"=EMAIL": "cid@example.com"}})).await, "");
    assert_eq!(found(json!({"filter": {"=ID": 4}})).await, "");
    assert_eq!(found(json!({"filter": {"ID": 4}})).await, "4");
    assert_eq!(
        found(json!({"filter": {"=EMAIL": "cid@example.com"}, "ADMIN_MODE": "Y"})).await,
        "4"
    );
    assert_eq!(
        found(json!({"NAME": "Ann", "FILTER": {"NAME": "Bob"}})).await,
        "3",
        "the filter replaces the query"
    );
    locked(sandbox.world()).webhook.administrator = false;
    assert_eq!(found(json!({"filter": {"ID": 4}, "ADMIN_MODE": "Y"})).await, "");
}

#[tokio::test]
async fn rows_of_users_leave_out_what_is_empty_and_what_the_scope_hides() {
    let sandbox = small().await;
    locked(sandbox.world()).edit_user(2, |user| user.last_name = None);
    let (_, body) = call(&sandbox, "user.get", json!({"filter": {"ID": 2}})).await;
    let row = &body["result"][0];
    assert_eq!(
        (&row["ID"], &row["ACTIVE"], body["total"].as_i64()),
        (&json!("2"), &json!(false), Some(1))
    );
    assert!(row.get("LAST_NAME").is_none() && row.get("EMAIL").is_some());
    assert!(body["time"]["date_finish"].is_string() && body["time"]["operating"].is_number());

    let (_, empty) = call(&sandbox, "user.get", json!({"filter": {"ID": 99}})).await;
    assert!(empty["result"].as_array().is_some_and(Vec::is_empty) && empty.get("total").is_none());
    let (_, uncounted) = call(&sandbox, "user.get", json!({"start": -1})).await;
    assert!(uncounted["total"] == 0 && uncounted.get("next").is_none());
    assert_eq!(
        result(&sandbox, "user.get", json!({"filter": {"ID": 2}, "SELECT": ["id"]})).await,
        json!([[]])
    );

    locked(sandbox.world()).webhook.scopes = vec!["user_brief".to_owned(), "bizproc".to_owned()];
    let everybody = result(&sandbox, "user.get", json!({"filter": {"=EMAIL": "cid@example.com"}})).await;
    assert_eq!(column(&everybody, "ID"), ["1", "2", "3"]);
    assert_eq!(column(&everybody, "EMAIL"), ["-", "-", "-"]);
}

#[tokio::test]
async fn odd_user_ids_in_a_task_filter_mean_what_the_table_says() {
    let mut world = small_world();
    let own = world.start_workflow(1, "Memo");
    world.ask(&own, "Read", &[1]);
    let sandbox = Sandbox::start(options(world)).await.unwrap();
    let found = async |user: Value| {
        let params = json!({"filter": {"USER_ID": user}, "select": ["ID", "USER_ID"], "order": {"ID": "asc"}});
        column(&result(&sandbox, TASKS, params).await, "USER_ID").join(" ")
    };
    let everybody = "2 3 4 2 3 1";
    let cases = [
        (json!(2), "2 2"),
        (json!("2abc"), "2 2"),
        (json!([2, 4]), "2 4 2"),
        (json!([]), everybody),
        (json!("abc"), ""),
        (json!(null), ""),
        (json!(""), ""),
        (json!({"a": 2}), ""),
        (json!([[7]]), "1"),
    ];
    for (user, expected) in cases {
        assert_eq!(found(user.clone()).await, expected, "{user}");
    }
    let misspelt = json!({"filter": {"@USER_ID": 2, "USERID": 2}, "select": ["ID", "USER_ID"]});
    assert_eq!(column(&result(&sandbox, TASKS, misspelt).await, "USER_ID").len(), 6);
}

#[tokio::test]
async fn task_rows_are_texts_and_know_who_has_answered() {
    let sandbox = small().await;
    locked(sandbox.world()).answer_task(1004, 2, 1);
    let waiting = json!({"USER_ID": 2, "STATUS": 0, "USER_STATUS": 0});
    let rows = result(
        &sandbox,
        TASKS,
        json!({"filter": waiting, "select": ["id", "user_status", "STATUS", "what"]}),
    )
    .await;
    assert_eq!(column(&rows, "ID"), ["1001"], "she has answered the other one");
    assert_eq!(
        (&rows[0]["STATUS"], &rows[0]["USER_STATUS"]),
        (&json!("0"), &json!("0"))
    );
    assert!(rows[0].get("ENTITY").is_some() && rows[0].get("DOCUMENT_ID").is_some());
    let open = json!({"filter": {"USER_ID": 2, "STATUS": 0}});
    assert_eq!(
        column(&result(&sandbox, TASKS, open).await, "ID"),
        ["1004", "1001"],
        "newest first"
    );

    let overdue = result(
        &sandbox,
        TASKS,
        json!({"filter": {"ID": 1001}, "select": ["OVERDUE_DATE"]}),
    )
    .await;
    assert_eq!(overdue[0]["OVERDUE_DATE"], Value::Null);
    let (status, body) = call(&sandbox, TASKS, json!({"select": [["ID"]]})).await;
    assert_eq!(
        (status, &body["error"]),
        (400, &json!("ERROR_SELECT_VALIDATION_FAILURE"))
    );
}

#[tokio::test]
async fn tasks_without_state_row_or_template_vanish_from_the_list() {
    let sandbox = small().await;
    let workflows = ids(&sandbox);
    let count = async |select: &str| {
        let params = json!({"filter": {"USER_ID": 2}, "select": [select]});
        result(&sandbox, TASKS, params).await.as_array().unwrap().len()
    };
    assert_eq!(count("ID").await, 2);
    locked(sandbox.world()).edit_workflow(&workflows[0], |workflow| workflow.template_name = None);
    assert_eq!((count("ID").await, count("WORKFLOW_TEMPLATE_NAME").await), (2, 1));
    locked(sandbox.world()).edit_workflow(&workflows[0], |workflow| workflow.state = None);
    assert_eq!(count("ID").await, 1);
}

#[tokio::test]
async fn pages_of_tasks_begin_again_and_pages_of_workflows_end() {
    let mut world = World::empty();
    for _ in 0..120 {
        let workflow = world.start_workflow(1, "Memo");
        world.ask(&workflow, "Read", &[1]);
    }
    let sandbox = Sandbox::start(options(world)).await.unwrap();
    let page = async |method: &str, params: Value| {
        let (_, body) = call(&sandbox, method, params).await;
        let rows = body["result"].as_array().unwrap();
        let first = rows
            .first()
            .and_then(|row| row["ID"].as_str().map(str::to_owned))
            .unwrap_or_default();
        (first, rows.len(), body["total"].as_i64(), body["next"].as_i64())
    };
    let first = page(TASKS, json!({})).await;
    assert_eq!(first, ("1120".to_owned(), 50, Some(120), Some(50)));
    assert_eq!(
        page(TASKS, json!({"start": 100})).await,
        ("1020".to_owned(), 20, Some(120), None)
    );
    assert_eq!(page(TASKS, json!({"start": 150})).await, first, "after the last page");
    assert_eq!(
        page(TASKS, json!({"START": 50})).await,
        first,
        "in upper case it is no offset"
    );
    let keyset = json!({"filter": {">ID": 1100}, "order": {"ID": "ASC"}, "start": -1});
    assert_eq!(page(TASKS, keyset).await, ("1101".to_owned(), 20, Some(0), None));

    let (_, rows, total, next) = page(INSTANCES, json!({"start": 100})).await;
    assert_eq!((rows, total, next), (20, Some(120), None));
    let (_, rows, total, next) = page(INSTANCES, json!({"start": 150})).await;
    assert_eq!((rows, total, next), (0, Some(120), None));
    let (_, rows, total, next) = page(INSTANCES, json!({"filter": {"=ID": "none"}, "start": -1})).await;
    assert_eq!((rows, total, next), (0, Some(0), Some(-1)), "the quirk");
}

#[tokio::test]
async fn a_kill_takes_everybodys_tasks_and_a_second_one_is_an_error_with_an_empty_code() {
    let sandbox = small().await;
    let shared = ids(&sandbox)[3].clone();
    assert_eq!(result(&sandbox, KILL, json!({"ID": shared})).await, json!(true));
    let (status, body) = call(&sandbox, KILL, json!({"ID": shared})).await;
    assert_eq!((status, &body["error"]), (400, &json!("")));
    assert!(body.get("time").is_none() && body["error_description"].as_str().is_some_and(|text| !text.is_empty()));
    let left = result(&sandbox, TASKS, json!({"filter": {"USER_ID": 3}})).await;
    assert_eq!(column(&left, "ID"), ["1002"]);
    let effects = sandbox.effects();
    assert_eq!(effects.len(), 1, "a refused kill changes nothing");
    assert_eq!(
        (
            effects[0].workflow.as_str(),
            effects[0].request,
            effects[0].tasks_removed
        ),
        (shared.as_str(), 1, 1)
    );
}

#[tokio::test]
async fn a_terminate_leaves_its_text_and_no_kill_comes_after_it() {
    let sandbox = small().await;
    let workflow = ids(&sandbox)[0].clone();
    let params = json!({"id": workflow, "status": "offboarding 7"});
    assert_eq!(result(&sandbox, TERMINATE, params).await, json!(true));
    assert_eq!(
        locked(sandbox.world()).workflow(&workflow).unwrap().state.as_deref(),
        Some("offboarding 7")
    );
    assert_eq!(sandbox.effects()[0].status_text.as_deref(), Some("offboarding 7"));
    for method in [KILL, TERMINATE] {
        let (status, body) = call(&sandbox, method, json!({"ID": workflow})).await;
        assert_eq!((status, &body["error"]), (400, &json!("")), "{method}");
    }
}

#[tokio::test]
async fn ids_of_workflows_must_be_texts() {
    let sandbox = small().await;
    for id in [json!(""), json!("0"), json!(12.5), json!([1]), json!(null)] {
        let (status, body) = call(&sandbox, KILL, json!({"ID": id})).await;
        assert_eq!(
            (status, &body["error"]),
            (400, &json!("ERROR_WRONG_WORKFLOW_ID")),
            "{id}"
        );
    }
}

#[tokio::test]
async fn the_variants_of_a_failed_kill() {
    let sandbox = small().await;
    let workflows = ids(&sandbox);
    let unkillable = |workflow: &str| locked(sandbox.world()).edit_workflow(workflow, |own| own.unkillable = true);
    unkillable(&workflows[0]);
    assert_eq!(
        call(&sandbox, KILL, json!({"ID": workflows[0]})).await.1["error"],
        json!("")
    );
    assert!(locked(sandbox.world()).running(&workflows[0]).is_some() && sandbox.effects().is_empty());

    sandbox.set_behaviour(Behaviour {
        failed_kill: FailedKill::DeletesAllTheSame,
        ..Behaviour::default()
    });
    assert_eq!(
        call(&sandbox, KILL, json!({"ID": workflows[0]})).await.1["error"],
        json!("")
    );
    assert!(locked(sandbox.world()).workflow(&workflows[0]).is_none());
    assert_eq!(sandbox.effects().len(), 1);

    sandbox.set_behaviour(Behaviour {
        missing_workflow: MissingWorkflow::True,
        ..Behaviour::default()
    });
    assert_eq!(result(&sandbox, KILL, json!({"ID": workflows[0]})).await, json!(true));
    assert_eq!(sandbox.effects().len(), 1);
}

#[tokio::test]
async fn the_variants_of_listing() {
    let sandbox = small().await;
    let hidden = json!({"filter": {"=EMAIL": "cid@example.com"}, "ADMIN_MODE": true});
    assert_eq!(column(&result(&sandbox, "user.get", hidden.clone()).await, "ID"), ["4"]);
    sandbox.set_behaviour(Behaviour {
        admin_mode: AdminMode::Ignored,
        user_order: UserOrder::None,
        start_name: StartName::Upper,
        ..Behaviour::default()
    });
    assert_eq!(result(&sandbox, "user.get", hidden).await, json!([]));
    let by_id = json!({"filter": {"ID": 4}});
    assert_eq!(column(&result(&sandbox, "user.get", by_id).await, "ID"), ["4"]);

    {
        let mut world = locked(sandbox.world());
        for id in 100..200 {
            world.add_user(User::new(id, "John", "Smith", ""));
            let workflow = world.start_workflow(2, "Memo");
            world.ask(&workflow, "Read", &[2]);
        }
    }
    let all =
        |start: i64, sort: &str| json!({"filter": {"=NAME": "John"}, "SORT": sort, "ORDER": "ASC", "start": start});
    let (first, second) = (
        result(&sandbox, "user.get", all(0, "")).await,
        result(&sandbox, "user.get", all(50, "")).await,
    );
    let mut unordered = [column(&first, "ID"), column(&second, "ID")].concat();
    assert!(!unordered.is_sorted());
    unordered.sort();
    unordered.dedup();
    assert!(
        unordered.len() < 100,
        "page 2 repeats somebody of page 1, and skips others"
    );
    let ordered = column(&result(&sandbox, "user.get", all(50, "ID")).await, "ID");
    assert_eq!(ordered.first().map(String::as_str), Some("150"));
    assert!(ordered.is_sorted());

    let tasks = |start: &str| json!({"filter": {"USER_ID": 2}, "order": {"ID": "ASC"}, start: 50});
    let page = async |start| column(&result(&sandbox, TASKS, tasks(start)).await, "ID");
    assert_eq!(page("start").await, page("unknown").await, "the first page");
    assert_ne!(page("START").await, page("start").await);
}

#[tokio::test]
async fn a_batch_reads_its_commands_as_php_does() {
    let sandbox = small().await;
    let answers = batch(
        &sandbox,
        json!({
            "encoded": "user.get?filter%5B%3DEMAIL%5D=cid%40example.com&ADMIN_MODE=1",
            "raw": "user.get?filter[=EMAIL]=cid%40example.com&ADMIN_MODE=1",
            "plus": "user.get?filter%5B%3DNAME%5D=Ann+",
            "cut": "user.get?filter[ID]=2#&filter[ID]=3",
            "object": {"method": "user.get"},
            "nested": "batch?cmd[a]=profile",
            "missing": "nothing.here",
            "gone": "bizproc.workflow.kill?ID=none",
        }),
    )
    .await;
    let rows = |key: &str| answers["result"][key].as_array().unwrap().len();
    assert_eq!((rows("encoded"), rows("raw"), rows("plus"), rows("cut")), (1, 4, 1, 1));
    assert!(answers["result"].get("object").is_none() && answers["result_error"].get("object").is_none());
    assert_eq!(
        answers["result_error"]["nested"]["error"],
        "ERROR_BATCH_METHOD_NOT_ALLOWED"
    );
    assert_eq!(answers["result_error"]["missing"]["error"], "ERROR_METHOD_NOT_FOUND");
    assert_eq!(answers["result_error"]["gone"]["error"], "");
    assert_eq!(answers["result_total"]["raw"], 4);
    assert_eq!(answers["result_next"], json!([]));
    assert!(answers["result_time"]["raw"]["duration"].is_number());
    assert!(answers["result_time"].get("gone").is_none());
}

#[tokio::test]
async fn chaining_by_reference_turns_nobody_into_everybody() {
    let sandbox = small().await;
    let answers = batch(
        &sandbox,
        json!({
            "u": "user.get?filter%5B%3DEMAIL%5D=nobody%40example.com",
            "t": "bizproc.task.list?filter[USER_ID]=$result[u][0][ID]&select[0]=USER_ID",
        }),
    )
    .await;
    assert_eq!(answers["result"]["t"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn the_fifty_first_command_is_refused_and_halt_is_php_truth() {
    let sandbox = small().await;
    let commands: Value = (0..52)
        .map(|index| (format!("k{index}"), json!("profile")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let answers = batch(&sandbox, commands).await;
    assert_eq!(answers["result"].as_object().unwrap().len(), 50);
    assert_eq!(answers["result_error"]["k51"]["error"], "ERROR_BATCH_LENGTH_EXCEEDED");

    let url = format!("{}batch.json?halt=false", sandbox.webhook_url());
    let body = "cmd[a]=no.such&cmd[b]=profile";
    let form = request("POST", &url, "application/x-www-form-urlencoded", body);
    let (_, body) = exchange(sandbox.address(), form).await.unwrap();
    let halted: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(halted["result"]["result"], json!([]), "the text `false` is true");
    let list = batch(&sandbox, json!(["profile", "no.such", "user.admin"])).await;
    assert!(list["result"].is_object() && list["result_error"].is_object());
    let list = batch(&sandbox, json!(["profile", "user.admin", "no.such"])).await;
    assert!(list["result"].is_array() && list["result_error"].is_object());
}

#[tokio::test]
async fn method_webhook_and_scope_are_checked_in_that_order() {
    let sandbox = small().await;
    let url = |token: &str, method: &str| format!("http://{}/rest/1/{token}/{method}", sandbox.address());
    let asked = async |url: String| {
        let (status, body) = exchange(sandbox.address(), request("GET", &url, "", "")).await.unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        (status, body["error"].as_str().unwrap_or("none").to_owned())
    };
    let code = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(
        asked(url("wrong", "no.such")).await,
        code(404, "ERROR_METHOD_NOT_FOUND")
    );
    assert_eq!(asked(url("wrong", "profile")).await, code(401, "INVALID_CREDENTIALS"));
    assert_eq!(
        asked(format!("http://{}/rest/profile", sandbox.address())).await,
        code(401, "NO_AUTH_FOUND")
    );
    let good = |method: &str| format!("{}{method}", sandbox.webhook_url());
    assert_eq!(asked(good("PROFILE.json")).await, code(200, "none"));

    locked(sandbox.world()).webhook.scopes = vec!["user".to_owned()];
    assert_eq!(asked(good(TASKS)).await, code(401, "insufficient_scope"));
    let inside = batch(&sandbox, json!({"t": TASKS})).await;
    assert_eq!(
        inside["result_error"]["t"],
        json!({"error": "insufficient_scope", "error_description": ""})
    );
    sandbox.set_behaviour(Behaviour {
        auth_status: AuthStatus::Forbidden403,
        ..Behaviour::default()
    });
    assert_eq!(asked(good(TASKS)).await, code(403, "insufficient_scope"));

    locked(sandbox.world()).modules.business_processes = false;
    assert_eq!(asked(good(TASKS)).await, code(404, "ERROR_METHOD_NOT_FOUND"));
    let existing = result(&sandbox, "method.get", json!({"name": KILL})).await;
    assert_eq!(existing, json!({"isExisting": false, "isAvailable": false}));
    locked(sandbox.world()).dismiss(1);
    assert_eq!(asked(good("profile")).await, code(403, "authorization_error"));
}

#[tokio::test]
async fn who_is_no_administrator_sees_own_tasks_and_destroys_nothing() {
    let sandbox = small().await;
    {
        let mut world = locked(sandbox.world());
        world.webhook.administrator = false;
        world.webhook.subordinates.insert(2);
    }
    let workflow = ids(&sandbox)[0].clone();
    for (method, params) in [
        (KILL, json!({"ID": workflow})),
        (TERMINATE, json!({"ID": workflow})),
        (INSTANCES, json!({})),
        (TASKS, json!({"filter": {"USER_ID": 3}})),
    ] {
        let (status, body) = call(&sandbox, method, params).await;
        assert_eq!((status, &body["error"]), (403, &json!("ACCESS_DENIED")), "{method}");
    }
    let count = async |filter: Value| {
        let rows = result(&sandbox, TASKS, json!({"filter": filter})).await;
        rows.as_array().unwrap().len()
    };
    assert_eq!((count(json!({})).await, count(json!({"USER_ID": 2})).await), (0, 2));
    assert_eq!(count(json!({"=USER_ID": 3})).await, 0, "the own id is added");
    assert!(sandbox.effects().is_empty());
}

#[tokio::test]
async fn instances_are_found_by_lists_of_ids_unless_the_portal_casts_them() {
    let sandbox = small().await;
    let workflows = ids(&sandbox);
    let params = json!({"filter": {"=ID": [workflows[1], "none", workflows[2]]}, "select": ["ID", "STARTED_BY"]});
    let rows = result(&sandbox, INSTANCES, params.clone()).await;
    assert_eq!(column(&rows, "STARTED_BY"), ["4", "3"], "last changed first");
    sandbox.set_behaviour(Behaviour {
        filter_arrays: FilterArrays::Cast,
        ..Behaviour::default()
    });
    assert_eq!(result(&sandbox, INSTANCES, params).await, json!([]));
    locked(sandbox.world()).orphan_workflow(&workflows[1]);
    let scalar = async |id: &str| result(&sandbox, INSTANCES, json!({"filter": {"=ID": id}})).await;
    assert_eq!(scalar(&workflows[1]).await, json!([]));
    assert_eq!(scalar(&workflows[2].to_uppercase()).await[0]["ID"], json!(workflows[2]));
}

#[tokio::test]
async fn other_forms_of_ids_and_truth() {
    let sandbox = small().await;
    let behaviour = Behaviour {
        active: ActiveForm::YesNo,
        ids: IdForm::Number,
        ..Behaviour::default()
    };
    sandbox.set_behaviour(behaviour);
    let user = result(&sandbox, "user.get", json!({"filter": {"ID": 2}})).await;
    assert_eq!((&user[0]["ID"], &user[0]["ACTIVE"]), (&json!(2), &json!("N")));
    let task = result(
        &sandbox,
        TASKS,
        json!({"filter": {"ID": 1001}, "select": ["ID", "STATUS"]}),
    )
    .await;
    assert_eq!((&task[0]["ID"], &task[0]["STATUS"]), (&json!(1001), &json!(0)));
}

#[tokio::test]
async fn the_bucket_refuses_what_comes_too_fast_and_drains() {
    let clock = VirtualTime::default();
    let options = Options {
        rate_per_second: 2.0,
        burst: 3.0,
        time: clock.time(),
        pause: clock.pause(),
        ..options(small_world())
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    sandbox.inject("lost-answer@request:4".parse().unwrap());
    for expected in [200, 200, 200, 503, 503] {
        assert_eq!(call(&sandbox, "profile", json!({})).await.0, expected);
    }
    let (_, body) = call(&sandbox, "profile", json!({})).await;
    assert_eq!(body["error"], "QUERY_LIMIT_EXCEEDED");
    clock.advance(Duration::from_millis(500));
    assert_eq!(
        raw(&sandbox, "profile", &json!({})).await,
        None,
        "refused requests met no fault"
    );
    let statuses: Vec<Option<u16>> = sandbox.requests().iter().map(|request| request.status).collect();
    assert_eq!(
        statuses,
        [Some(200), Some(200), Some(200), Some(503), Some(503), Some(503), None]
    );
}

/// A sandbox whose kills take ten seconds of virtual time each.
async fn slow(behaviour: Behaviour, clock: &VirtualTime, tasks: u32) -> (Sandbox, Vec<String>) {
    let mut world = World::empty();
    for _ in 0..tasks {
        let workflow = world.start_workflow(1, "Memo");
        world.ask(&workflow, "Read", &[1]);
    }
    let options = Options {
        command_duration: Duration::from_secs(10),
        operating_limit_seconds: 25.0,
        time: clock.time(),
        pause: clock.pause(),
        behaviour,
        ..options(world)
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let workflows = ids(&sandbox);
    (sandbox, workflows)
}

fn kills(workflows: &[String]) -> Value {
    let commands = workflows
        .iter()
        .enumerate()
        .map(|(index, id)| (format!("w{index}"), json!(format!("{KILL}?ID={id}"))));
    commands.collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn a_method_over_its_operating_time_is_refused_inside_a_200_and_others_go_on() {
    let clock = VirtualTime::default();
    let (sandbox, workflows) = slow(Behaviour::default(), &clock, 6).await;
    let answers = batch(&sandbox, kills(&workflows[..5])).await;
    assert_eq!(
        answers["result"].as_object().unwrap().len(),
        3,
        "three take thirty seconds"
    );
    assert_eq!(answers["result_error"]["w3"]["error"], "OPERATION_TIME_LIMIT");
    assert_eq!(answers["result_time"]["w2"]["operating"], 30);
    let reset = answers["result_time"]["w2"]["operating_reset_at"].as_f64().unwrap();
    let finish = answers["result_time"]["w2"]["finish"].as_f64().unwrap();
    assert!(reset > finish && reset < finish + 600.0);
    assert_eq!(
        result(&sandbox, KILL, json!({"ID": workflows[3]})).await,
        json!(true),
        "direct calls count apart"
    );
    assert!(batch(&sandbox, json!({"i": INSTANCES})).await["result"]["i"].is_array());
    clock.advance(Duration::from_mins(10));
    let again = batch(&sandbox, kills(&workflows[4..])).await;
    assert_eq!(again["result"]["w0"], true);
}

#[tokio::test]
async fn the_newest_portals_ban_for_five_minutes_and_bill_the_batch() {
    let clock = VirtualTime::default();
    let behaviour = Behaviour {
        operating_block: OperatingBlock::Ban,
        batch_billing: BatchBilling::HalfWeight,
        ..Behaviour::default()
    };
    let (sandbox, workflows) = slow(behaviour, &clock, 12).await;
    batch(&sandbox, kills(&workflows[..3])).await;
    let banned = batch(&sandbox, kills(&workflows[3..5])).await;
    assert_eq!(banned["result_error"]["w0"]["error"], "OPERATION_TIME_LIMIT");
    clock.advance(Duration::from_secs(301));
    assert_eq!(
        batch(&sandbox, kills(&workflows[3..6])).await["result"]["w0"],
        true,
        "the buckets were emptied"
    );
    let (status, body) = call(&sandbox, "batch", json!({"cmd": kills(&workflows[6..])})).await;
    assert_eq!(
        (status, &body["error"]),
        (429, &json!("OPERATION_TIME_LIMIT")),
        "{body}"
    );
}

#[tokio::test]
async fn the_front_end_cuts_a_request_at_sixty_seconds() {
    let clock = VirtualTime::default();
    let (sandbox, workflows) = slow(Behaviour::default(), &clock, 8).await;
    let long = Options {
        operating_limit_seconds: f64::INFINITY,
        command_duration: Duration::from_secs(10),
        time: clock.time(),
        pause: clock.pause(),
        ..options(locked(sandbox.world()).clone())
    };
    let sandbox = Sandbox::start(long).await.unwrap();
    let (status, body) = raw(&sandbox, "batch", &json!({"cmd": kills(&workflows)}))
        .await
        .unwrap();
    assert_eq!(status, 504);
    assert!(body.contains("<html>"));
    assert_eq!(sandbox.effects().len(), 6);
}

/// What a client sees of a batch of four kills under a fault, and how many of them are done.
#[tokio::test]
async fn every_fault_shows_the_client_one_thing_and_does_another() {
    let cases: [(&str, &str, usize); 36] = [
        ("lost-request@destroy:1", "nothing", 0),
        ("lost-answer@destroy:1", "nothing", 4),
        ("lost-answer-after:3@destroy:1", "nothing", 3),
        ("lost-request@command:3", "nothing", 2),
        ("lost-answer@command:3", "nothing", 3),
        ("truncated-body@destroy:1", "half", 4),
        ("not-json@destroy:1", "200 <", 4),
        ("status-500-json@destroy:1", "500 INTERNAL_SERVER_ERROR", 0),
        ("status-500-json-after@destroy:1", "500 INTERNAL_SERVER_ERROR", 4),
        ("status-500-html@destroy:1", "500 <", 0),
        ("status-500-html-after@destroy:1", "500 <", 4),
        ("status-502-html@destroy:1", "502 <", 0),
        ("status-502-html-after@destroy:1", "502 <", 4),
        ("status-502-html@command:2", "502 <", 1),
        ("status-503@request:1", "503 QUERY_LIMIT_EXCEEDED", 0),
        ("overload-limit@request:1", "503 OVERLOAD_LIMIT", 0),
        ("wrong-encoding@destroy:1", "200 WRONG_ENCODING", 4),
        ("delay:1ms@batch:1", "200 true true true true", 4),
        ("late-effect:30s@destroy:1", "nothing", 0),
        ("redirect-302@destroy:1", "302 <", 0),
        ("redirect-302-after@destroy:1", "302 <", 4),
        ("operating-limit@destroy:1", "429 OPERATION_TIME_LIMIT", 0),
        (
            "operating-limit@command:2",
            "200 true OPERATION_TIME_LIMIT true true",
            3,
        ),
        ("auth-error-401@destroy:1", "401 expired_token", 0),
        ("missing-keys@command:2", "200 true - true true", 4),
        ("false-result@command:2", "200 true false true true", 3),
        ("kill-error-present@command:2", "200 true  true true", 3),
        (
            "error-code:ACCESS_DENIED@command:2",
            "200 true ACCESS_DENIED true true",
            3,
        ),
        ("empty-promise@command:2", "200 true true true true", 3),
        ("late-promise:30s@command:2", "200 true true true true", 3),
        ("both-maps@command:2", "200 true both true true", 4),
        ("dropped-filter@bizproc.workflow.kill:1", "200 true true true true", 4),
        ("access-denied@destroy:1", "403 ACCESS_DENIED", 0),
        ("portal-deleted@destroy:1", "403 PORTAL_DELETED", 0),
        (
            "batch-length@command:3",
            "200 true true ERROR_BATCH_LENGTH_EXCEEDED true",
            3,
        ),
        ("access-denied@command:3", "403 ACCESS_DENIED", 2),
    ];
    for (fault, expected, done) in cases {
        let mut world = small_world();
        world.add_user(User::new(9, "Zoe", "Ray", "zoe@example.com"));
        let sandbox = Sandbox::start(options(world)).await.unwrap();
        sandbox.inject(fault.parse().unwrap());
        let got = raw(&sandbox, "batch", &json!({"halt": 0, "cmd": kills(&ids(&sandbox))})).await;
        assert_eq!(seen(got), expected, "{fault}");
        assert_eq!(sandbox.effects().len(), done, "{fault}");
    }
}

fn seen(got: Got) -> String {
    let Some((status, body)) = got else {
        return "nothing".to_owned();
    };
    let Ok(body) = serde_json::from_str::<Value>(&body) else {
        return if body.starts_with('{') {
            "half".to_owned()
        } else {
            format!("{status} {}", &body[..1])
        };
    };
    if let Some(code) = body["error"].as_str() {
        return format!("{status} {code}");
    }
    let of = |key: String| match (
        body["result"]["result"].get(&key),
        body["result"]["result_error"].get(&key),
    ) {
        (Some(_), Some(_)) => "both".to_owned(),
        (Some(value), None) => value.to_string(),
        (None, Some(error)) => error["error"].as_str().unwrap().to_owned(),
        (None, None) => "-".to_owned(),
    };
    let keys = (0..4).map(|index| of(format!("w{index}"))).collect::<Vec<_>>();
    format!("{status} {}", keys.join(" "))
}

/// What a client sees of the same requests after each choice, made from outside.
#[tokio::test]
async fn each_variant_can_be_chosen_from_outside_and_shows() {
    let by_name = json!({"filter": {"=NAME": "Zoe"}, "select": ["ID"]});
    let by_pattern = json!({"filter": {"NAME": "Zo_"}, "select": ["ID"]});
    let everybody = json!({"select": ["ID"]});
    let none = json!({"filter": {"=ID": "none"}, "start": -1});
    let tasks = json!({"filter": {"USER_ID": 2}, "select": ["ID"]});
    let cases = [
        ("accents", "user.get", &by_name, "\"9\"", ("accents=distinct", "[]")),
        ("plain", "user.get", &by_pattern, "\"9\"", ("plain-filter=exact", "[]")),
        (
            "order",
            "user.get",
            &everybody,
            "[{\"ID\":\"1\"}",
            ("user-order=none", "[{\"ID\":\"2\"}"),
        ),
        (
            "next",
            INSTANCES,
            &none,
            "\"next\":-1",
            ("empty-next=absent", "\"result\":[],\"total\""),
        ),
        ("zero", TASKS, &tasks, "\"total\":2", ("totals=zero", "\"total\":0")),
        (
            "missing",
            TASKS,
            &tasks,
            "\"total\":2",
            ("totals=missing", "],\"time\""),
        ),
        (
            "fields",
            TASKS,
            &tasks,
            "\"operating\":",
            ("operating-fields=absent", "\"date_finish\":\"20"),
        ),
        ("access", TASKS, &tasks, "403", ("access-status=400", "400")),
        ("deleted", TASKS, &tasks, "403", ("deleted-status=410", "410")),
    ];
    for (about, method, params, usual, variant) in cases {
        let mut world = small_world();
        world.add_user(User::new(9, "Zoé", "Ray", "zoe@example.com"));
        let sandbox = Sandbox::start(options(world)).await.unwrap();
        let answer = async || {
            match about {
                "access" => sandbox.inject("access-denied@request:1".parse().unwrap()),
                "deleted" => sandbox.inject("portal-deleted@request:1".parse().unwrap()),
                _ => {}
            }
            let (status, body) = raw(&sandbox, method, params).await.unwrap();
            format!("{status} {body}")
        };
        let got = answer().await;
        assert!(got.contains(usual), "{about}: {got}");
        let (choice, shown) = variant;
        let url = format!("http://{}/sandbox/behaviour", sandbox.address());
        let chosen = exchange(sandbox.address(), request("POST", &url, "text/plain", choice)).await;
        assert_eq!(chosen, Some((200, json!(choice).to_string())));
        let got = answer().await;
        assert!(got.contains(shown), "{about}: {got}");
        assert!(about == "fields" || !got.contains(usual), "{about}: {got}");
        let refused = exchange(sandbox.address(), request("POST", &url, "text/plain", "weather=fine")).await;
        assert_eq!(refused.unwrap().0, 400);
    }
}

#[tokio::test]
async fn a_command_that_is_cut_off_may_be_done_all_the_same_when_its_time_is_over() {
    for (cut_command, done) in [(CutCommand::Undone, 1), (CutCommand::Done, 2)] {
        let clock = VirtualTime::default();
        let long = Options {
            command_duration: Duration::from_secs(40),
            time: clock.time(),
            pause: clock.pause(),
            behaviour: Behaviour {
                cut_command,
                ..Behaviour::default()
            },
            ..options(small_world())
        };
        let sandbox = Sandbox::start(long).await.unwrap();
        let (status, _) = raw(&sandbox, "batch", &json!({"cmd": kills(&ids(&sandbox))}))
            .await
            .unwrap();
        assert_eq!((status, clock.now()), (504, Duration::from_mins(1)), "{cut_command:?}");
        clock.advance(Duration::from_secs(19));
        result(&sandbox, "server.time", json!({})).await;
        assert_eq!(sandbox.effects().len(), 1, "{cut_command:?}");
        clock.advance(Duration::from_secs(1));
        result(&sandbox, "server.time", json!({})).await;
        assert_eq!(sandbox.effects().len(), done, "{cut_command:?}");
    }
}

#[tokio::test]
async fn a_dropped_filter_returns_everything() {
    let sandbox = small().await;
    for (method, filter, all) in [
        ("user.get", json!({"ID": 2}), 3),
        (TASKS, json!({"USER_ID": 2}), 4),
        (INSTANCES, json!({"=ID": "none"}), 4),
    ] {
        sandbox.inject(format!("dropped-filter@{method}:1").parse().unwrap());
        let rows = result(&sandbox, method, json!({"filter": filter})).await;
        assert_eq!(rows.as_array().unwrap().len(), all, "{method}");
        let rows = result(&sandbox, method, json!({"filter": filter})).await;
        assert!(rows.as_array().unwrap().len() < all, "{method}: once");
    }
}

#[tokio::test]
async fn a_late_effect_comes_when_its_time_has_passed_and_names_its_own_request() {
    let clock = VirtualTime::default();
    let options = Options {
        time: clock.time(),
        pause: clock.pause(),
        ..options(small_world())
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let workflow = ids(&sandbox)[0].clone();
    sandbox.inject("late-effect:30s@destroy:1".parse().unwrap());
    assert_eq!(raw(&sandbox, KILL, &json!({"ID": workflow})).await, None);
    let listed = async || {
        let rows = result(&sandbox, INSTANCES, json!({"filter": {"=ID": workflow}})).await;
        rows.as_array().unwrap().len()
    };
    clock.advance(Duration::from_secs(29));
    assert_eq!(listed().await, 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(listed().await, 0);
    assert_eq!(sandbox.effects()[0].request, 1);
}

#[tokio::test]
async fn the_portal_finishes_what_it_began_although_the_client_hangs_up() {
    let pauses = Arc::new(Mutex::new(Vec::<oneshot::Sender<()>>::new()));
    let waiting = Arc::clone(&pauses);
    let pause = Pause(Arc::new(move |_| {
        let (go_on, told) = oneshot::channel();
        locked(&waiting).push(go_on);
        Box::pin(async { drop(told.await) })
    }));
    let options = Options {
        command_duration: Duration::from_secs(1),
        pause,
        ..options(small_world())
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let workflow = ids(&sandbox)[0].clone();
    let url = format!("{}{KILL}", sandbox.webhook_url());
    let sent = request("POST", &url, "application/json", &json!({"ID": workflow}).to_string());
    let mut stream = TcpStream::connect(sandbox.address()).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    let until = async |ready: &dyn Fn() -> bool| {
        let wait = async {
            while !ready() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
    };
    until(&|| !locked(&pauses).is_empty()).await;
    drop(stream);
    let alive = raw(&sandbox, "profile", &json!({})).await;
    assert!(alive.is_some() && sandbox.effects().is_empty());
    locked(&pauses)
        .drain(..)
        .for_each(|go_on| go_on.send(()).unwrap_or_default());
    until(&|| !sandbox.effects().is_empty()).await;
    assert_eq!(sandbox.effects()[0].workflow, workflow);
}

#[tokio::test]
async fn requests_are_recorded_with_their_decoded_commands() {
    let sandbox = small().await;
    batch(
        &sandbox,
        json!({"a": "user.get?filter%5BID%5D=2", "b": "bizproc.workflow.kill?ID=none"}),
    )
    .await;
    result(&sandbox, "user.get", json!({"filter": {"ID": 3}})).await;
    let requests = sandbox.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].destroys()), ("batch", true));
    let command = &requests[0].commands[0];
    assert_eq!(
        (command.key.as_deref(), command.method.as_str()),
        (Some("a"), "user.get")
    );
    assert_eq!(command.params, json!({"filter": {"ID": "2"}}));
    assert_eq!(
        (requests[1].number, requests[1].status, requests[1].destroys()),
        (2, Some(200), false)
    );
}

#[tokio::test]
async fn a_rehearsal_controls_the_sandbox_over_http() {
    let sandbox = small().await;
    let control = async |http_method: &str, path: &str, body: &str| {
        let url = format!("/sandbox/{path}");
        let (status, body) = exchange(sandbox.address(), request(http_method, &url, "text/plain", body))
            .await
            .unwrap();
        (status, serde_json::from_str::<Value>(&body).unwrap_or_default())
    };
    assert_eq!(
        control("POST", "fault", "lost-answer@destroy:1").await,
        (200, json!("lost-answer@destroy:1"))
    );
    assert_eq!(control("POST", "fault", "nonsense").await.0, 400);
    let workflow = ids(&sandbox)[0].clone();
    assert_eq!(raw(&sandbox, KILL, &json!({"ID": workflow})).await, None);
    let (_, effects) = control("GET", "effects", "").await;
    assert_eq!(effects[0]["workflow"], json!(workflow));
    let (_, requests) = control("GET", "requests", "").await;
    assert_eq!(
        (&requests[0]["commands"][0]["method"], &requests[0]["status"]),
        (&json!(KILL), &Value::Null)
    );
    let (_, world) = control("GET", "world", "").await;
    assert_eq!(world["workflows"].as_array().unwrap().len(), 3);
    assert_eq!(control("GET", "elsewhere", "").await.0, 404);
    assert_eq!(sandbox.requests().len(), 1, "control is not recorded");
}

#[tokio::test]
async fn after_a_stop_nobody_answers() {
    let sandbox = small().await;
    let address = sandbox.address();
    sandbox.stop().await;
    assert!(TcpStream::connect(address).is_err());
}
