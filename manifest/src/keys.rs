//! Every key of `distri.toml`, with a line that shows how it is written: for what is
//! said of wrong ones, and for `docs/manifest.md`, which is checked against it.

/// One key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Its path; `*` stands for a name that the author chooses.
    pub(crate) path: &'static str,
    /// The table that it is written in; empty for the top of the file.
    pub(crate) table: &'static str,
    /// How it is written, with what it needs beside it.
    pub(crate) example: &'static str,
}

const fn key(path: &'static str, table: &'static str, example: &'static str) -> Key {
    Key { path, table, example }
}

const FOLDER: &str = "guest = \"/data\"\npath = \"data\"\naccess = \"read-write\"";
const BOUND: &str = "secrets = [{ name = \"TOKEN\", host = \"api.example.com\", header = \"Authorization\", format = \"Bearer {}\" }]";
const DATABASE: &str = "databases = [{ name = \"main\", access = \"read-write\" }]";

/// All of them, as the manifest's page has them.
pub(crate) const KEYS: &[Key] = &[
    key("package", "", "package = \"weather\""),
    key("name", "", "name = \"weather\""),
    key("version", "", "version = \"0.1.0\""),
    key("description", "", "description = \"Forecasts\""),
    key("license", "", "license = \"MIT\""),
    key("keywords", "", "keywords = [\"weather\"]"),
    key("agents", "", "agents = [\"agents/poet.md\"]"),
    key("callers", "", "callers = [\"orders\"]"),
    key("authors.*", "[authors]", "primary = \"Ada Lovelace\""),
    key("entrypoints.ts", "[entrypoints]", "ts = \"index.ts\""),
    key("entrypoints.wasm", "[entrypoints]", "wasm = \"target/wasm32-wasip2/release\""),
    key("entrypoints.type", "[entrypoints]", "type = \"ts\"\npath = \"index.ts\""),
    key("entrypoints.path", "[entrypoints]", "type = \"ts\"\npath = \"index.ts\""),
    key("build.engine", "[build]", "engine = \"quickjs\""),
    key("imports.*", "[imports]", "\"https://deno.land/x/foo/mod.ts\" = \"npm:foo\""),
    key("dependencies.*", "[dependencies]", "units = { path = \"../units\" }"),
    key("dependencies.*.path", "[dependencies]", "units = { path = \"../units\" }"),
    key("capabilities.tools", "[capabilities]", "tools = [\"units/*\"]"),
    key("capabilities.agents", "[capabilities]", "agents = [\"poet\"]"),
    key("capabilities.session", "[capabilities]", "session = [\"cart\"]"),
    key("capabilities.secrets", "[capabilities]", "secrets = [\"WEATHER_API_KEY\"]"),
    key("capabilities.secrets.name", "[capabilities]", BOUND),
    key("capabilities.secrets.host", "[capabilities]", BOUND),
    key("capabilities.secrets.header", "[capabilities]", BOUND),
    key("capabilities.secrets.format", "[capabilities]", BOUND),
    key("capabilities.env", "[capabilities]", "env = [\"LANG\"]"),
    key("capabilities.databases", "[capabilities]", DATABASE),
    key("capabilities.databases.name", "[capabilities]", DATABASE),
    key("capabilities.databases.access", "[capabilities]", DATABASE),
    key("capabilities.network.hosts", "[capabilities.network]", "hosts = [\"api.example.com\"]"),
    key("capabilities.filesystem", "[[capabilities.filesystem]]", FOLDER),
    key("capabilities.filesystem.guest", "[[capabilities.filesystem]]", FOLDER),
    key("capabilities.filesystem.path", "[[capabilities.filesystem]]", FOLDER),
    key("capabilities.filesystem.access", "[[capabilities.filesystem]]", FOLDER),
    key("limits.timeout", "[limits]", "timeout = \"10s\""),
    key("limits.cpu", "[limits]", "cpu = \"2s\""),
    key("limits.memory", "[limits]", "memory = \"64MiB\""),
    key("limits.table_elements", "[limits]", "table_elements = 10000"),
    key("limits.handles", "[limits]", "handles = 100"),
    key("limits.payload", "[limits]", "payload = \"100KiB\""),
    key("limits.json_depth", "[limits]", "json_depth = 32"),
    key("limits.log_lines", "[limits]", "log_lines = 100"),
    key("limits.log_bytes", "[limits]", "log_bytes = \"10KiB\""),
    key("limits.depth", "[limits]", "depth = 4"),
    key("limits.nested_calls", "[limits]", "nested_calls = 50"),
    key("limits.concurrent_calls", "[limits]", "concurrent_calls = 8"),
    key("instances.mode", "[instances]", "mode = \"per-session\""),
    key("instances.max_calls", "[instances]", "mode = \"shared\"\nmax_calls = 100"),
    key("distri.engine", "[distri]", "engine = \">=0.1.0\""),
];

/// How the key, or the table, at this path is written.
pub(crate) fn example(path: &str) -> Option<String> {
    let below = |key: &&Key| {
        key.path.split('.').zip(path.split('.')).all(|(known, part)| known == "*" || known == part)
    };
    let depth = path.split('.').count();
    let same = KEYS.iter().filter(below).find(|key| key.path.split('.').count() == depth);
    let key =
        same.or_else(|| KEYS.iter().filter(below).find(|key| key.path.split('.').count() > depth))?;
    Some(if key.table.is_empty() {
        key.example.to_owned()
    } else {
        format!("{}\n{}", key.table, key.example)
    })
}

/// Keys whose value is a list of tables, or of names and tables.
const LISTS: [&str; 3] =
    ["capabilities.secrets", "capabilities.databases", "capabilities.filesystem"];

/// Whether the value at this path, or each element of it, is a table.
pub(crate) fn is_table(path: &str, element: bool) -> bool {
    let depth = path.split('.').count();
    let holds = KEYS.iter().any(|key| {
        let parts = || key.path.split('.').zip(path.split('.'));
        key.path.split('.').count() > depth
            && parts().all(|(known, part)| known == "*" || known == part)
    });
    holds && (element || !LISTS.contains(&path))
}

/// The table that a key of this name belongs in, where only one has it.
pub(crate) fn home(name: &str) -> Option<&'static str> {
    let mut tables = KEYS.iter().filter_map(|key| {
        let (parent, own) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        (own == name && key.table.trim_matches(['[', ']']) == parent).then_some(key.table)
    });
    let table = tables.next()?;
    (!table.is_empty() && tables.all(|other| other == table)).then_some(table)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Manifest;

    /// A manifest with this example in it, beside what it needs.
    fn manifest(key: &Key, example: &str) -> String {
        let mut text = String::new();
        let top = key.table.is_empty().then_some(key.path);
        if !matches!(top, Some("package" | "name")) {
            text += "package = \"p\"\n";
        }
        if top != Some("version") {
            text += "version = \"0.1.0\"\n";
        }
        if top.is_some() {
            text.push_str(example);
            text.push('\n');
        }
        if key.table != "[entrypoints]" {
            text += "[entrypoints]\nts = \"mod.ts\"\n";
        }
        if top.is_none() {
            text.extend([key.table, "\n", example, "\n"]);
        }
        text
    }

    #[test]
    fn every_example_parses() {
        for key in KEYS {
            let text = manifest(key, key.example);
            text.parse::<Manifest>()
                .unwrap_or_else(|error| panic!("{}: {error}\n{text}", key.path));
            let own = key.path.split('.').rfind(|part| *part != "*").unwrap();
            assert!(key.example.contains(own) || key.table.contains(own), "{}", key.path);
        }
    }

    /// The keys that the parser says it takes where one is written that it does not.
    fn taken(text: &str) -> BTreeSet<String> {
        let error = toml::from_str::<crate::manifest::Document>(text).err().unwrap();
        let message = error.message();
        assert!(message.starts_with("unknown field `zzz`"), "{message}");
        message.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_key_of_the_parser_is_here() {
        let tables = [
            ("", "zzz = 1"),
            ("entrypoints", "[entrypoints]\nzzz = 1"),
            ("build", "[build]\nzzz = 1"),
            ("distri", "[distri]\nzzz = 1"),
            ("dependencies.*", "[dependencies]\na = { zzz = 1 }"),
            ("capabilities", "[capabilities]\nzzz = 1"),
            ("capabilities.network", "[capabilities.network]\nzzz = 1"),
            ("capabilities.filesystem", "[[capabilities.filesystem]]\nzzz = 1"),
            ("capabilities.secrets", "[capabilities]\nsecrets = [{ zzz = 1 }]"),
            ("capabilities.databases", "[capabilities]\ndatabases = [{ zzz = 1 }]"),
            ("limits", "[limits]\nzzz = 1"),
            ("instances", "[instances]\nzzz = 1"),
        ];
        for (table, text) in tables {
            let prefix = if table.is_empty() { String::new() } else { format!("{table}.") };
            let known: BTreeSet<String> = KEYS
                .iter()
                .filter_map(|key| key.path.strip_prefix(&prefix))
                .map(|rest| rest.split('.').next().unwrap_or_default().to_owned())
                .filter(|name| name != "*")
                .collect();
            assert_eq!(taken(text), known, "{table}");
        }
    }

    #[test]
    fn the_manifests_page_has_every_key_and_no_other() {
        let page = include_str!("../../docs/manifest.md");
        let rows: Vec<Vec<&str>> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
            .collect();
        let keys: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        let known: Vec<&str> = KEYS.iter().map(|key| key.path).collect();
        assert_eq!(keys, known);
        for (row, key) in rows.iter().zip(KEYS) {
            assert_eq!(row.len(), 5, "{row:?}");
            let example = row[3].trim_matches('`');
            if key.example.contains('\n') {
                let mut lines = key.example.lines().chain([key.table]);
                assert!(lines.any(|line| line == example), "{row:?}");
                continue;
            }
            let text = manifest(key, example);
            text.parse::<Manifest>()
                .unwrap_or_else(|error| panic!("{}: {error}\n{text}", key.path));
        }
    }

    #[test]
    fn a_key_or_a_table_has_an_example() {
        assert_eq!(example("limits.memory").unwrap(), "[limits]\nmemory = \"64MiB\"");
        assert_eq!(
            example("capabilities.network").unwrap(),
            "[capabilities.network]\nhosts = [\"api.example.com\"]"
        );
        assert_eq!(example("dependencies.nope").unwrap(), example("dependencies.*").unwrap());
        assert_eq!(example("nowhere"), None);
        assert_eq!(home("timeout"), Some("[limits]"));
        assert_eq!(home("path"), None);
    }
}
