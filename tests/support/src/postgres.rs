//! A PostgreSQL server of the tests' own: the machine's programs, in a temporary
//! folder, reached through a socket in it. It ends with this process, however
//! that ends.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// What must never be seen in an error or a log.
pub const PASSWORD: &str = "s3cret-of-the-database";

/// Starts the server given by `$1` (its programs) and `$2` (its folder), says
/// so, and stops and removes it all when its standard input ends.
const SUPERVISE: &str = r#"
set -e
"$1/initdb" -D "$2/data" -U admin --auth-host=reject --auth-local=scram-sha-256 --pwfile="$2/password" -E UTF8 --no-locale -N >"$2/log" 2>&1
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c shared_buffers=16MB \
    -c max_connections=60 -c logging_collector=off >>"$2/log" 2>&1 &
server=$!
trap 'kill -INT $server; wait $server; rm -rf "$2"' EXIT
trap exit INT TERM
until [ -S "$2/.s.PGSQL.5432" ] && "$1/pg_isready" -q -h "$2"; do kill -0 $server; sleep 0.05; done
echo started
read _ || true
"#;

struct Server {
    folder: PathBuf,
    /// Whether it was found at all decides; nothing is asked of it.
    _supervisor: std::process::Child,
}

/// A database of one test's own.
pub struct Database {
    name: String,
    socket: &'static Path,
}

static SERVER: LazyLock<Option<Server>> = LazyLock::new(start);

/// A new database, whose role may do what it likes in it and nothing else; none
/// on a machine without PostgreSQL, which is said.
pub async fn database() -> Option<Database> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let Some(server) = &*SERVER else {
        // `make test` installs it, and says that it did.
        assert!(std::env::var_os("DISTRI_REQUIRE_GUESTS").is_none(), "no PostgreSQL");
        eprintln!("skipped: there is no PostgreSQL here");
        return None;
    };
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let database = Database { name, socket: &server.folder };
    let name = &database.name;
    database.as_admin("postgres", &format!("create role {name} login password '{PASSWORD}'")).await;
    database.as_admin("postgres", &format!("create database {name} owner {name}")).await;
    Some(database)
}

impl Database {
    /// Where it is, for the role that owns it.
    pub fn url(&self) -> String {
        self.url_as(&self.name, &self.name)
    }

    fn url_as(&self, role: &str, database: &str) -> String {
        let socket = self.socket.display();
        format!("postgres://{role}:{PASSWORD}@localhost/{database}?host={socket}")
    }

    /// Runs statements as the server's administrator.
    pub async fn admin(&self, statements: &str) {
        self.as_admin(&self.name, statements).await;
    }

    async fn as_admin(&self, database: &str, statements: &str) {
        let mut connection = self.connect(database).await;
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    }

    async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url_as("admin", database)).await.unwrap()
    }

    /// The one value that a query gives, as text.
    pub async fn value(&self, query: &str) -> Option<String> {
        let mut connection = self.connect(&self.name).await;
        let query = format!("select ({query})::text");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut connection).await.unwrap()
    }

    /// Waits until nothing runs in it but this question.
    pub async fn is_idle_within(&self, time: Duration) -> bool {
        let query = "select count(*) from pg_stat_activity where datname = current_database() \
                     and pid <> pg_backend_pid() and state <> 'idle'";
        let idle = async {
            while self.value(query).await.as_deref() != Some("0") {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(time, idle).await.is_ok()
    }
}

/// The folder of the server's programs.
fn programs() -> Option<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).trim().into());
    // Debian has a folder for each version.
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.extend(told);
    folders.into_iter().rev().find(|folder| folder.join("initdb").exists())
}

fn start() -> Option<Server> {
    let programs = programs()?;
    let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap().keep();
    std::fs::write(folder.join("password"), PASSWORD).unwrap();
    let mut command = Command::new("sh");
    if std::fs::metadata(&folder).unwrap().uid() == 0 {
        // The server does not run as root.
        let output = Command::new("id").args(["-u", "postgres"]).output().unwrap();
        let user: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(65_534);
        for path in [folder.join("password"), folder.clone()] {
            std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
        }
        command = Command::new("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={user}")]);
        command.args(["--clear-groups", "sh"]);
    }
    let mut supervisor = command
        .args(["-c", SUPERVISE, "sh"])
        .args([&programs, &folder])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 8];
    let started = supervisor.stdout.as_mut().unwrap().read_exact(&mut said);
    assert!(
        started.is_ok(),
        "PostgreSQL does not start: {}",
        std::fs::read_to_string(folder.join("log")).unwrap_or_default()
    );
    Some(Server { folder, _supervisor: supervisor })
}
