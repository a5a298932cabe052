//! Users, as administrators manage them and as they see themselves.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::world::{PASSWORD, fixture, outcome, session, with_cookie, world};

const USERS: &str = "/api/admin/user-admin";
const STRONG: &str = "Another-password-2";

async fn login(it: &Fixture, name: &str, password: &str) -> String {
    outcome(&it.log_in(name, password).await)
}

#[tokio::test]
async fn bodies_are_checked() {
    let it = fixture().await;
    let check = async |body: Value, expect: &str| {
        it.check("admin", &format!("POST {USERS}"), body, expect).await;
    };
    check(json!({}), "400 BadDataError /body/rootRole").await;
    check(json!({"rootRole": 2}), "400 BadDataError /body/email").await;
    check(json!({"email": "no address", "rootRole": 2}), "400 BadDataError /body/email").await;
    check(json!({"username": "a\0b", "rootRole": 2}), "400 BadDataError /body/username").await;
    for role in [json!(4), json!(99), json!("Owner"), json!("Nobody")] {
        check(json!({"username": "new", "rootRole": role}), "400 BadDataError /body/rootRole").await;
    }
    check(json!({"username": "viewer", "rootRole": 3}), "409 NameExistsError").await;
    check(json!({"username": "new", "rootRole": 3, "isAdmin": true}), "400 BadDataError /body/isAdmin").await;
    check(json!({"username": "new", "rootRole": 3, "password": "weak"}), "400 OwaspValidationError /body/password")
        .await;
    check(json!({"username": "new", "email": "New@Example.com", "rootRole": "Editor"}), "201").await;
    check(json!({"email": "new@example.COM", "rootRole": 3}), "409 NameExistsError").await;
    it.check("editor", &format!("POST {USERS}"), json!({"username": "x", "rootRole": 3}), "403 PermissionError").await;
}

#[tokio::test]
async fn one_administrator_always_stays() {
    let it = fixture().await;
    it.check("admin", &format!("DELETE {USERS}/1"), Value::Null, "403 ForbiddenError").await;
    it.check("admin", &format!("DELETE {USERS}/999999"), Value::Null, "404 NotFoundError").await;
    // Those whose credentials are dead in this installation are administrators as well.
    let others: Vec<i64> =
        it.app.public().state.users.values().filter(|u| u.root_role == 1 && u.id != 1).map(|u| u.id).collect();
    for id in others {
        it.check("admin token", &format!("DELETE {USERS}/{id}"), Value::Null, "200").await;
    }
    it.check("admin token", &format!("DELETE {USERS}/1"), Value::Null, "409 ConflictError").await;
    it.check("admin token", &format!("PUT {USERS}/1"), json!({"rootRole": 2}), "409 ConflictError").await;
}

#[tokio::test]
async fn t12_a_deleted_user_is_gone_at_once_with_all_tokens() {
    let it = fixture().await;
    it.check("member of alpha", "GET /api/admin/user", Value::Null, "200").await;
    let id = it.app.public().state.users.values().find(|u| u.label() == "member of alpha").unwrap().id;
    it.check("admin", &format!("DELETE {USERS}/{id}"), Value::Null, "200").await;
    it.check("member of alpha", "GET /api/admin/user", Value::Null, "401 UnauthorizedError").await;
    let state = it.app.public().state.clone();
    assert!(state.projects.values().all(|p| p.members.iter().all(|m| m.user_id != id)));
    assert!(state.personal_tokens.values().all(|t| t.user_id != id));
}

#[tokio::test]
async fn a_new_role_counts_from_the_next_request_on() {
    let it = fixture().await;
    let id = it.app.public().state.users.values().find(|u| u.label() == "viewer").unwrap().id;
    it.check("viewer", &format!("GET {USERS}"), Value::Null, "403 PermissionError").await;
    it.check("admin", &format!("PUT {USERS}/{id}"), json!({"rootRole": "Admin"}), "200").await;
    it.check("viewer", &format!("GET {USERS}"), Value::Null, "200").await;
    it.check("admin", &format!("PUT {USERS}/{id}"), json!({"rootRole": 3}), "200").await;
    it.check("viewer", &format!("GET {USERS}"), Value::Null, "403 PermissionError").await;
}

#[tokio::test]
async fn what_one_sees_of_oneself() {
    let it = fixture().await;
    let me = it.check("owner of alpha", "GET /api/admin/user", Value::Null, "200").await.json();
    assert_eq!(me["user"]["username"], "owner of alpha");
    let permissions = me["permissions"].as_array().unwrap();
    assert!(permissions.contains(&json!({"project": "alpha", "permission": "CREATE_PROJECT_API_TOKEN"})));
    assert!(permissions.iter().all(|p| p["project"] != "omega" && p["permission"] != "ADMIN"), "{permissions:?}");
    let profile = it.check("owner of alpha", "GET /api/admin/user/profile", Value::Null, "200").await.json();
    assert_eq!(profile["projects"], json!(["alpha", "empty", "gone"]));
    assert_eq!(profile["rootRole"]["name"], "Viewer");
    let roles = async |project: &str| {
        let request = format!("GET /api/admin/user/roles?projectId={project}");
        let answer = it.check("owner of alpha", &request, Value::Null, "200").await.json();
        let roles = answer["roles"].as_array().unwrap().clone();
        roles.iter().map(|role| role["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(roles("alpha").await, ["Viewer", "Owner"]);
    assert_eq!(roles("omega").await, ["Viewer"]);
    it.check("admin token", "GET /api/admin/user/profile", Value::Null, "403 ForbiddenError").await;
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let it = fixture().await;
    let cookie = session(&it).await;
    let change = async |body: Value| {
        outcome(&it.send(with_cookie(&cookie, "POST", "/api/admin/user/change-password", &body)).await)
    };
    let body =
        |old: &str, new: &str, again: &str| json!({"password": new, "confirmPassword": again, "oldPassword": old});
    assert_eq!(change(json!({"password": STRONG})).await, "400 BadDataError /body/oldPassword");
    assert_eq!(change(body(PASSWORD, STRONG, "other")).await, "400 BadDataError /body/confirmPassword");
    assert_eq!(change(body("wrong", STRONG, STRONG)).await, "401 PasswordMismatch");
    assert_eq!(change(body(PASSWORD, "weak", "weak")).await, "400 OwaspValidationError /body/password");
    assert_eq!(change(body(PASSWORD, PASSWORD, PASSWORD)).await, "400 PasswordPreviouslyUsedError");
    assert_eq!(login(&it, "admin", STRONG).await, "401 PasswordMismatch");
    assert_eq!(change(body(PASSWORD, STRONG, STRONG)).await, "200");
    assert_eq!(login(&it, "admin", STRONG).await, "200");
    assert_eq!(login(&it, "admin", PASSWORD).await, "401 PasswordMismatch");
}

#[tokio::test]
async fn personal_tokens_are_ones_own() {
    let it = fixture().await;
    let cookie = session(&it).await;
    let create = async |body: Value| it.send(with_cookie(&cookie, "POST", "/api/admin/user/tokens", &body)).await;
    let good = json!({"description": "mine", "expiresAt": "2027-01-15T08:00:10Z"});
    for (body, expect) in [
        (json!({}), "400 BadDataError /body/description /body/expiresAt"),
        (json!({"description": "mine", "expiresAt": "2027-01-15T08:00:00Z"}), "400 BadDataError /body/expiresAt"),
        (json!({"description": "for ever", "expiresAt": "3000-01-01T00:00:00Z"}), "201"),
        (json!({"description": "test", "expiresAt": "2029-01-01T00:00:00Z"}), "409 NameExistsError"),
    ] {
        assert_eq!(outcome(&create(body.clone()).await), expect, "{body}");
    }
    let made = create(good).await.expect(201).json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    it.call(&secret, "GET", "/api/admin/user", Value::Null).await.expect(200);
    let list = it.check("admin", "GET /api/admin/user/tokens", Value::Null, "200").await;
    assert!(!list.text.contains(&secret) && !list.text.contains("hash"), "{}", list.text);
    it.check("viewer", &format!("DELETE /api/admin/user/tokens/{}", made["id"]), Value::Null, "404 NotFoundError")
        .await;
    it.advance(9_999);
    it.call(&secret, "GET", "/api/admin/user", Value::Null).await.expect(200);
    it.advance(1);
    it.call(&secret, "GET", "/api/admin/user", Value::Null).await.expect(401);
    it.check("admin", &format!("DELETE /api/admin/user/tokens/{}", made["id"]), Value::Null, "200").await;
}

#[tokio::test]
async fn t15_a_link_that_sets_a_password_works_once_for_a_day() {
    let (it, world) = (fixture().await, world().await);
    let link = world.get("reset link");
    let set = async |token: &str, password: &str| {
        let body = json!({"token": token, "password": password});
        outcome(&it.call("", "POST", "/auth/reset/password", body).await)
    };
    assert_eq!(set("1.garbage", STRONG).await, "403 ForbiddenError");
    assert_eq!(set(link, "weak").await, "400 OwaspValidationError /body/password");
    assert_eq!(set(link, STRONG).await, "200");
    assert_eq!(set(link, "Yet-another-3").await, "403 ForbiddenError");
    assert_eq!(login(&it, "spare-user", STRONG).await, "200");
    let it = fixture().await;
    it.advance(24 * 3_600_000);
    let body = json!({"token": link, "password": STRONG});
    it.call("", "POST", "/auth/reset/password", body).await.expect(403);
}

#[tokio::test]
async fn t15_a_link_ends_with_the_credentials_that_it_would_replace() {
    let set = async |it: &Fixture, link: &str| {
        let body = json!({"token": link, "password": "Yet-another-3"});
        outcome(&it.call("", "POST", "/auth/reset/password", body).await)
    };
    let link = async |it: &Fixture, id: i64| {
        let body = json!({ "id": id });
        let answer = it.admin("POST", "/api/admin/user-admin/reset-password", body).await.expect(200).json();
        answer["resetPasswordUrl"].as_str().unwrap().split_once("token=").unwrap().1.to_owned()
    };
    let it = fixture().await;
    let user = json!({"username": "ada", "email": "ada@example.com", "rootRole": 2, "password": PASSWORD});
    let id = it.admin("POST", "/api/admin/user-admin", user).await.expect(201).json()["id"].as_i64().unwrap();
    let own = format!("/api/admin/user-admin/{id}");

    // An administrator sets another password: whoever has the old link cannot take the account.
    let old = link(&it, id).await;
    it.admin("POST", &format!("{own}/change-password"), json!({"password": STRONG})).await.expect(200);
    assert_eq!(set(&it, &old).await, "403 ForbiddenError");
    it.call("", "GET", &format!("/auth/reset/validate?token={old}"), Value::Null).await.expect(403);
    assert_eq!(login(&it, "ada", STRONG).await, "200");

    // The user does.
    let old = link(&it, id).await;
    let cookie = it.log_in("ada", STRONG).await.expect(200).headers["set-cookie"].to_str().unwrap().to_owned();
    let body = json!({"oldPassword": STRONG, "password": "By-myself-4-ever", "confirmPassword": "By-myself-4-ever"});
    let cookie = cookie.split(';').next().unwrap();
    it.send(with_cookie(cookie, "POST", "/api/admin/user/change-password", &body)).await.expect(200);
    assert_eq!(set(&it, &old).await, "403 ForbiddenError");

    // The address that the link was sent to is no longer the user's; another name changes nothing.
    let old = link(&it, id).await;
    it.admin("PUT", &own, json!({"email": "new@example.com"})).await.expect(200);
    assert_eq!(set(&it, &old).await, "403 ForbiddenError");
    let old = link(&it, id).await;
    it.admin("PUT", &own, json!({"name": "Ada", "email": "new@example.com"})).await.expect(200);
    assert_eq!(set(&it, &old).await, "200");
}

#[tokio::test]
async fn users_who_do_nothing_for_long_are_listed() {
    let it = Fixture::with(&["--user-inactivity-threshold-days", "30"]).await;
    let day = 24 * 3_600_000;
    let inactive = async || {
        let answer = it.admin("GET", &format!("{USERS}/inactive"), Value::Null).await.expect(200).json();
        assert_eq!(answer["version"], 1);
        let users = answer["inactiveUsers"].as_array().unwrap().clone();
        users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (_, ada) = it.user("ada", 3).await;
    it.user("eve", 3).await;
    it.admin("POST", USERS, json!({"username": "bob", "rootRole": 3})).await.expect(201);
    it.advance(30 * day);
    assert_eq!(inactive().await, [""; 0]);
    it.call(&ada, "GET", "/api/admin/user", Value::Null).await.expect(200);
    it.advance(1);
    assert_eq!(inactive().await, ["admin", "eve", "bob"]);
    it.log_in("eve", "Correct-horse-7").await.expect(200);
    assert_eq!(inactive().await, ["admin", "bob"]);
    it.advance(30 * day + 1);
    assert_eq!(inactive().await, ["admin", "ada", "eve", "bob"]);
    let answer = it.admin("GET", &format!("{USERS}/inactive"), Value::Null).await.json();
    assert_eq!(answer["inactiveUsers"][1]["seenAt"], answer["inactiveUsers"][1]["patSeenAt"]);
    assert_eq!(answer["inactiveUsers"][3]["seenAt"], Value::Null);
}

#[tokio::test]
async fn many_users_are_deleted_or_none() {
    let it = fixture().await;
    let request = format!("POST {USERS}/inactive/delete");
    let id = |name: &str| it.app.public().state.users.values().find(|u| u.label() == name).unwrap().id;
    let (viewer, editor) = (id("viewer"), id("editor"));
    let count = || it.app.public().state.users.len();
    let before = count();
    for (who, ids, expect) in [
        ("viewer", json!([viewer]), "403 PermissionError"),
        ("editor", json!([viewer]), "403 PermissionError"),
        ("admin token", json!(["one"]), "400 BadDataError /body/ids/0"),
        ("admin token", json!(vec![viewer; 1_001]), "400 BadDataError /body/ids"),
        ("admin token", json!([viewer, -1]), "400 BadDataError /body/ids/1"),
        ("admin token", json!([viewer, 999_999]), "404 NotFoundError"),
        ("admin", json!([viewer, 1]), "403 ForbiddenError"),
        ("admin token", json!([]), "200"),
    ] {
        it.check(who, &request, json!({ "ids": ids }), expect).await;
        assert_eq!(count(), before, "{who}");
    }
    it.check("admin token", &request, json!({}), "400 BadDataError /body/ids").await;
    // Whoever is named twice is deleted once; their tokens are dead at once.
    it.check("admin token", &request, json!({"ids": [viewer, editor, viewer]}), "200").await;
    assert_eq!(count(), before - 2);
    it.check("viewer", "GET /api/admin/user", Value::Null, "401 UnauthorizedError").await;
    // One administrator always stays, also when all go at once.
    let admins: Vec<i64> = it.app.public().state.users.values().filter(|u| u.root_role == 1).map(|u| u.id).collect();
    it.check("admin token", &request, json!({ "ids": admins }), "409 ConflictError").await;
    assert_eq!(count(), before - 2);
}

#[tokio::test]
async fn what_a_user_may_do() {
    let it = fixture().await;
    let id = it.app.public().state.users.values().find(|u| u.label() == "owner of alpha").unwrap().id;
    let path = format!("{USERS}/{id}/permissions");
    let may = async |query: &str| {
        let access = it.check("admin", &format!("GET {path}{query}"), Value::Null, "200").await.json();
        let names = |scope: &str| {
            let all = access["overview"][scope].as_array().unwrap().clone();
            let has = all.iter().filter(|p| p["hasPermission"] == true).map(|p| p["name"].as_str().unwrap().to_owned());
            (all.len(), has.collect::<Vec<_>>())
        };
        let roles = access["projectRoles"].as_array().unwrap().clone();
        let roles: Vec<_> =
            roles.iter().map(|r| format!("{} of {}", r["name"], r["project"]).replace('"', "")).collect();
        assert_eq!(access["rootRole"]["name"], "Viewer");
        assert_eq!(access["user"]["id"], id);
        (names("root").1.len(), names("project").1.len(), names("environment"), roles)
    };
    let everywhere = ["Owner of alpha", "Owner of empty", "Owner of gone"].map(str::to_owned).to_vec();
    assert_eq!(may("").await, (0, 0, (0, Vec::new()), everywhere));
    let (root, project, environment, roles) = may("?project=alpha&environment=development").await;
    assert_eq!((root, environment.0, roles), (0, 8, vec!["Owner of alpha".to_owned()]));
    assert!(
        project > 15 && environment.1.contains(&"UPDATE_FEATURE_ENVIRONMENT".to_owned()),
        "{project} {environment:?}"
    );
    assert!(!environment.1.contains(&"SKIP_CHANGE_REQUEST".to_owned()), "{environment:?}");
    assert_eq!(may("?project=omega&environment=development").await, (0, 0, (8, Vec::new()), Vec::new()));
    it.check("admin", &format!("GET {USERS}/999999/permissions"), Value::Null, "404 NotFoundError").await;
    for who in ["viewer", "editor", "owner of alpha"] {
        it.check(who, &format!("GET {path}"), Value::Null, "403 PermissionError").await;
        it.check(who, &format!("DELETE {USERS}/scim-users"), Value::Null, "403 PermissionError").await;
        it.check(who, &format!("GET {USERS}/inactive"), Value::Null, "403 PermissionError").await;
        let everybody = it.check(who, &format!("GET {USERS}/access"), Value::Null, "200").await.json();
        assert_eq!(everybody["groups"], json!([]));
        assert!(
            everybody["users"]
                .as_array()
                .unwrap()
                .contains(&json!({"id": 1, "accountType": "User", "username": "admin"})),
            "{everybody}"
        );
    }
    it.check("admin", &format!("DELETE {USERS}/scim-users"), Value::Null, "200").await;
}

#[tokio::test]
async fn everybody_can_look_up_what_roles_allow() {
    let it = fixture().await;
    let all = it.check("viewer", "GET /api/admin/roles", Value::Null, "200").await.json();
    let roles = all["roles"].as_array().unwrap();
    let role = |name: &str| roles.iter().find(|role| role["name"] == name).unwrap();
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let built_in: Vec<_> = roles[..5].iter().map(|role| (&role["id"], &role["name"], &role["type"])).collect();
    let expect = [(1, "Admin", "root"), (2, "Editor", "root"), (3, "Viewer", "root"), (4, "Owner", "project")];
    let expect: Vec<_> = expect.iter().map(|(id, name, kind)| (json!(id), json!(name), json!(kind))).collect();
    for (found, (id, name, kind)) in built_in.iter().zip(&expect) {
        assert_eq!(*found, (id, name, kind));
    }
    assert_eq!(names(&role("Admin")["permissions"]), ["ADMIN"]);
    assert_eq!(role("Viewer")["permissions"], json!([]));
    assert!(names(&role("Member")["permissions"]).contains(&"CREATE_FEATURE".to_owned()));
    // A user who has a role has what it is said to allow.
    let me = it.check("editor", "GET /api/admin/user", Value::Null, "200").await.json();
    let held: Vec<_> =
        me["permissions"].as_array().unwrap().iter().filter(|held| held.get("project").is_none()).collect();
    let held: Vec<_> = held.iter().map(|held| held["permission"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names(&role("Editor")["permissions"]), held);
    // Those that users made are there, and every permission once.
    assert_eq!(
        (&role("UPDATE_PROJECT")["type"], &role("CREATE_ADDON")["type"]),
        (&json!("custom"), &json!("root-custom"))
    );
    let permissions = all["permissions"].as_array().unwrap();
    let kinds: std::collections::BTreeSet<_> = permissions.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["environment", "project", "root"]);
    let all_names: std::collections::BTreeSet<_> = names(&all["permissions"]).into_iter().collect();
    assert_eq!(all_names.len(), permissions.len());
    assert!(roles.iter().all(|role| names(&role["permissions"]).iter().all(|name| all_names.contains(name))));
    assert!(permissions.contains(
        &json!({"id": 42, "name": "READ_PROJECT_API_TOKEN", "displayName": "Read project API token", "type": "project"})
    ));
}
