//! Where a SQLite database lies: in a file of its own, in a folder that nobody writes to.

use std::path::Path;

use serde_json::json;

use crate::{ALL, Setup, is_error};

const FOLDER: &str =
    "filesystem = [{ guest = \"/data\", path = \"data\", access = \"read-write\" }]";
const ALLOWED: &str = "filesystem = [{ path = \"data\", access = \"read-write\" }]";

/// The same workspace, with the database there.
async fn again(setup: &mut Setup, granted: &str, database: &Path) {
    let url = format!("sqlite:{}", database.display());
    setup.again(&format!("[all]\n{granted}\n[databases.lite]\nurl = \"{url}\"\n")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_a_package_may_replace_is_refused_by_name() {
    let asked = format!("{ALL}\n{FOLDER}");
    let mut setup = Setup::new(&["sql-ts"], &asked, ALL).await;
    let data = setup.root().join("data");
    std::fs::create_dir_all(data.join("deep/er")).unwrap();
    for path in ["lite.db", "deep/er/lite.db", "deep/../lite.db"] {
        again(&mut setup, &format!("{ALL}\n{ALLOWED}"), &data.join(path)).await;
        for how in ["query", "execute"] {
            let statement = if how == "query" { "select 1" } else { "create table t (a)" };
            let answer = setup.run("sql-ts", "lite", how, statement, json!([])).await;
            is_error(
                &answer,
                "denied",
                "the database `lite` lies in `data`, which `sql-ts` may write to",
            );
            let hint = answer["hint"].as_str().unwrap();
            assert!(hint.contains("[databases.lite]"), "{hint}");
        }
        assert!(!data.join("lite.db").exists() && !data.join("deep/er/lite.db").exists());
    }
    // Who may only read there keeps nobody from it.
    again(
        &mut setup,
        &format!("{ALL}\nfilesystem = [{{ path = \"data\" }}]"),
        &data.join("lite.db"),
    )
    .await;
    assert_eq!(setup.execute("lite", "create table t (a)").await, 0);
    // And beside the folder it is nobody's business.
    let beside = setup.root().join("database.db");
    again(&mut setup, &format!("{ALL}\n{ALLOWED}"), &beside).await;
    assert_eq!(setup.execute("lite", "create table t (a)").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_a_hard_link_and_a_fifo_are_not_opened() {
    let setup = Setup::new(&["sql-ts"], ALL, ALL).await;
    let elsewhere = setup.root().join("elsewhere");
    std::fs::write(&elsewhere, "nobody's business").unwrap();
    let files = ["lite.db", "lite.db-wal", "lite.db-shm", "lite.db-journal"];
    // Before it was ever opened, and while its connections are kept.
    for opened in [false, true] {
        if opened {
            setup.execute("lite", "create table if not exists t (a)").await;
        }
        for file in files {
            let path = setup.root().join(file);
            let kept = setup.root().join("kept");
            let was = std::fs::rename(&path, &kept).is_ok();
            for how in ["link", "nowhere", "hard link", "fifo", "folder"] {
                match how {
                    "link" => std::os::unix::fs::symlink(&elsewhere, &path).unwrap(),
                    "nowhere" => std::os::unix::fs::symlink("nowhere.db", &path).unwrap(),
                    "hard link" => std::fs::hard_link(&elsewhere, &path).unwrap(),
                    "folder" => std::fs::create_dir(&path).unwrap(),
                    _ => {
                        let made = std::process::Command::new("mkfifo").arg(&path).status();
                        assert!(made.unwrap().success());
                    }
                }
                for (what, statement) in [("query", "select 1"), ("execute", "create table u (a)")]
                {
                    let answer = setup.run("sql-ts", "lite", what, statement, json!([])).await;
                    is_error(&answer, "denied", "the database `lite` is not opened");
                }
                let _ = std::fs::remove_file(&path);
                let _ = std::fs::remove_dir(&path);
            }
            if was {
                std::fs::rename(&kept, &path).unwrap();
            }
        }
    }
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "nobody's business");
    assert!(!setup.root().join("nowhere.db").exists());
    assert_eq!(setup.query("lite", "select count(*) as n from t").await, json!([{ "n": 0 }]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_place_of_a_folder_is_not_followed() {
    let mut setup = Setup::new(&["sql-ts"], ALL, ALL).await;
    let root = setup.root().to_owned();
    std::fs::create_dir_all(root.join("real/deep")).unwrap();
    std::os::unix::fs::symlink("real", root.join("link")).unwrap();
    for path in ["link/lite.db", "link/deep/lite.db", "real/../link/lite.db"] {
        again(&mut setup, ALL, &root.join(path)).await;
        let answer = setup.run("sql-ts", "lite", "execute", "create table t (a)", json!([])).await;
        is_error(&answer, "denied", "is a link, which is not followed");
    }
    assert_eq!(std::fs::read_dir(root.join("real")).unwrap().count(), 1);
    // A folder that is replaced while connections are kept: they go on where they were.
    again(&mut setup, ALL, &root.join("real/lite.db")).await;
    setup.execute("lite", "create table t (a)").await;
    std::fs::rename(root.join("real"), root.join("moved")).unwrap();
    std::os::unix::fs::symlink("/", root.join("real")).unwrap();
    setup.execute("lite", "insert into t values (1)").await;
    // New ones, which only read, find the link.
    let answer = setup.run("sql-ts", "lite", "query", "select a from t", json!([])).await;
    is_error(&answer, "denied", "is a link, which is not followed");
    std::fs::remove_file(root.join("real")).unwrap();
    std::fs::rename(root.join("moved"), root.join("real")).unwrap();
    assert_eq!(setup.query("lite", "select a from t").await, json!([{ "a": 1 }]));
}
