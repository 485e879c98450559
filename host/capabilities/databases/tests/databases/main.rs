//! Databases through `distri:plugin/sql`: the same code on SQLite and on a real
//! PostgreSQL, from both tracks, and what it must not be able to do.

#![allow(clippy::unwrap_used, reason = "tests")]

mod escapes;
mod files;
mod limits;
mod sessions;
mod transactions;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use distri_host::{Error, Host, Limits, ToolCall};
use distri_testing::{built, postgres};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

/// TypeScript and Rust on the track 0.3, Rust on 0.2.
const GUESTS: [&str; 3] = ["sql-ts", "sql-rust", "sql-rust-sync"];

/// What a manifest asks for, and what is granted of it.
const ALL: &str = "databases = [{ name = \"lite\", access = \"read-write\" }, { name = \"pg\", access = \"read-write\" }]";
const READING: &str = "databases = [{ name = \"lite\" }, { name = \"pg\" }]";

/// Plugins that use databases, and a host that has both.
struct Setup {
    folder: tempfile::TempDir,
    guests: Vec<String>,
    /// What they ask for.
    asked: String,
    host: Host,
    lite: PathBuf,
    pg: Option<postgres::Database>,
}

impl Setup {
    async fn new(guests: &[&str], asked: &str, granted: &str) -> Self {
        Self::with_limits(guests, asked, granted, Limits::default()).await
    }

    /// `asked` may go on with other sections of the manifest.
    async fn with_limits(guests: &[&str], asked: &str, granted: &str, limits: Limits) -> Self {
        Self::with_databases(guests, asked, granted, limits, |_| String::new()).await
    }

    /// With more databases, which may be made from the URL of the one in PostgreSQL.
    async fn with_databases(
        guests: &[&str],
        asked: &str,
        granted: &str,
        limits: Limits,
        more: impl FnOnce(Option<String>) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lite = folder.path().join("lite.db");
        let pg = postgres::database().await;
        let url = pg.as_ref().map(postgres::Database::url);
        let define = |name: &str, url: &str| format!("[databases.{name}]\nurl = \"{url}\"\n");
        let policy = [
            format!("[all]\n{granted}\n"),
            define("lite", &format!("sqlite:{}", lite.display())),
            url.as_deref().map(|url| define("pg", url)).unwrap_or_default(),
            more(url),
        ]
        .concat();
        let guests = guests.iter().map(|guest| (*guest).to_owned()).collect();
        let asked = format!("[capabilities]\n{asked}\n");
        let host = host(folder.path(), &policy, limits);
        let setup = Self { folder, guests, asked, host, lite, pg };
        setup.load().await;
        setup
    }

    /// Loads its guests into its host.
    async fn load(&self) {
        for guest in &self.guests {
            let text = format!(
                "package = \"{guest}\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n{}",
                self.asked
            );
            let manifest = text.parse().unwrap();
            self.host.load_component(&manifest, built(guest)).await.unwrap();
        }
    }

    /// The same guests under another policy.
    async fn again(&mut self, policy: &str) {
        self.host = host(self.folder.path(), policy, Limits::default());
        self.load().await;
    }

    /// The root of the workspace.
    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The databases that there are.
    fn names(&self) -> Vec<&'static str> {
        if self.pg.is_some() { vec!["lite", "pg"] } else { vec!["lite"] }
    }

    async fn call(&self, guest: &str, tool: &str, input: &Value) -> Result<Value, Error> {
        self.call_within(guest, tool, input, None).await
    }

    async fn call_within(
        &self,
        guest: &str,
        tool: &str,
        input: &Value,
        deadline: Option<Duration>,
    ) -> Result<Value, Error> {
        let call = ToolCall { deadline, ..ToolCall::new(input.to_string()) };
        let answer = self.host.execute_tool(guest, tool, call).await?;
        assert_eq!(answer.error, None, "{}", answer.result);
        Ok(serde_json::from_str(&answer.result).unwrap())
    }

    /// Runs a statement from a guest.
    async fn run(
        &self,
        guest: &str,
        database: &str,
        how: &str,
        statement: &str,
        parameters: Value,
    ) -> Value {
        let input = json!({ "database": database, "do": how, "statement": statement, "parameters": parameters });
        self.call(guest, "run", &input).await.unwrap()
    }

    async fn query(&self, database: &str, statement: &str) -> Value {
        self.run("sql-ts", database, "query", statement, json!([])).await
    }

    async fn execute(&self, database: &str, statement: &str) -> Value {
        self.run("sql-ts", database, "execute", statement, json!([])).await
    }

    async fn transact(
        &self,
        guest: &str,
        database: &str,
        steps: Value,
        then: &str,
    ) -> Result<Value, Error> {
        self.call(guest, "transact", &json!({ "database": database, "steps": steps, "then": then }))
            .await
    }

    /// Makes tables in both, without a plugin.
    async fn prepare(&self, statements: &str) {
        let url = format!("sqlite:{}?mode=rwc", self.lite.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        if let Some(pg) = &self.pg {
            pg.admin(statements).await;
            pg.admin("grant all on all tables in schema public to public").await;
        }
    }

    /// One value out of a database, without a plugin.
    async fn value(&self, database: &str, query: &str) -> Option<String> {
        if let ("pg", Some(pg)) = (database, &self.pg) {
            return pg.value(query).await;
        }
        let url = format!("sqlite:{}", self.lite.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let query = format!("select cast(({query}) as text)");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut connection).await.unwrap()
    }
}

fn host(root: &Path, policy: &str, limits: Limits) -> Host {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("databases");
    let builder = Host::builder().workspace(root).limits(limits).cache_folder(cache);
    builder.policy(policy.parse().unwrap()).build().unwrap()
}

fn step(how: &str, statement: &str) -> Value {
    json!({ "do": how, "statement": statement })
}

#[track_caller]
fn is_error(answer: &Value, kind: &str, text: &str) {
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(answer["kind"] == kind && message.contains(text), "no {kind}, {text:?} in {answer:#}");
}

const ENDLESS: &str =
    "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c";

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}
