//! Every command that the documentation shows is run.

use distri_testing::{MANIFEST, Sandbox, repository, tool};

/// The lines of shell blocks that run `distri`.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && line.starts_with("distri ") {
            commands.push(line.to_owned());
        }
    }
    commands
}

/// Words of a line as a shell would split them, as far as the documentation
/// needs it: single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Line by line, in a folder that has `examples/`, as the repository does.
#[test]
fn every_command_in_the_readme_works() {
    let examples = Sandbox::with(&[]);
    distri_testing::copy(Sandbox::examples().path(), &examples.path().join("examples"));
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let commands = commands(&readme);
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let words = words(&command);
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let run = examples.distri(&args);
        assert_eq!(run.code, 0, "{command}: {run:#?}");
    }
}

/// The first block of this language.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_page_on_capabilities_works() {
    let page = std::fs::read_to_string(repository().join("docs/capabilities.md")).unwrap();
    let sandbox = Sandbox::with(&[("key.txt", "a key\n"), ("data/note.txt", "a note")]);
    let head = "package = \"weather\"\nversion = \"0.1.0\"\n[entrypoints]\nts = \"index.ts\"\n";
    sandbox.write("plugins/weather/distri.toml", &format!("{head}{}", block(&page, "toml")));
    sandbox.write("plugins/weather/index.ts", &tool("today", "return \"fair\";"));
    let (_, policy) = page.split_once("### A policy").unwrap();
    sandbox.write("distri.policy.toml", block(policy, "toml"));
    let commands = commands(&page);
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let (command, input) = match command.split_once(" < ") {
            Some((command, file)) => {
                (command, std::fs::read_to_string(sandbox.path().join(file)).unwrap())
            }
            None => (command.as_str(), String::new()),
        };
        let words = words(command);
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let run = sandbox.distri_with_input(&args, &input);
        assert_eq!(run.code, 0, "{command}: {run:#?}");
    }
}

/// Runs every command of a page in a workspace; each must succeed.
#[track_caller]
fn run_all(page: &str, sandbox: &Sandbox) {
    let commands = commands(page);
    assert!(!commands.is_empty());
    for command in commands {
        let words = words(&command);
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let run = sandbox.distri(&args);
        assert_eq!(run.code, 0, "{command}: {run:#?}");
    }
}

fn page(name: &str) -> String {
    std::fs::read_to_string(repository().join("docs").join(name)).unwrap()
}

#[test]
fn every_page_is_tried_and_linked() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let tried = [
        "agents.md",
        "architecture.md",
        "capabilities.md",
        "contributing.md",
        "limits.md",
        "manifest.md",
        "toolchains.md",
    ];
    for entry in std::fs::read_dir(repository().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if std::path::Path::new(&name).extension().is_some_and(|it| it == "md") {
            assert!(tried.contains(&name.as_str()), "nothing here tries `docs/{name}`");
            assert!(readme.contains(&format!("docs/{name}")), "the readme has no `docs/{name}`");
        }
    }
}

/// The files and folders that the pages for who works on Distri name are there, and so is
/// what they have `make` do.
#[test]
fn the_pages_on_the_house_name_what_is_there() {
    let makefile = std::fs::read_to_string(repository().join("Makefile")).unwrap();
    for name in ["architecture.md", "contributing.md"] {
        let page = page(name);
        let mut seen = 0;
        for code in page.split('`').skip(1).step_by(2) {
            if let Some(target) = code.strip_prefix("make ") {
                let target = format!("\n{target}:");
                assert!(makefile.contains(&target), "{name}: there is no `{code}`");
                seen += 1;
            } else if code.contains('/')
                && code.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c))
            {
                // As the page goes on from the crate that it speaks of.
                let from = ["", "docs", "host/src", "host/call/src"];
                let there = from.iter().any(|from| repository().join(from).join(code).exists());
                // What is built is not in the repository.
                assert!(there || code.starts_with('.'), "{name}: there is no `{code}`");
                seen += 1;
            }
        }
        assert!(seen > 5, "{name}: {seen}");
    }
}

#[test]
fn the_page_on_limits_works() {
    let page = page("limits.md");
    let much = tool("much", "return \"x\".repeat(2 << 20);");
    let manifest = MANIFEST.replace("\"p\"", "\"long\"");
    let sandbox =
        Sandbox::with(&[("plugins/long/distri.toml", &manifest), ("plugins/long/index.ts", &much)]);
    let (lowered, policy) = page.split_once("## What the operator sets").unwrap();
    sandbox.write("distri.policy.toml", block(policy, "toml"));
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "long/much"]).code, 1);
    run_all(&page, &sandbox);
    let lowering = format!("{manifest}{}", block(lowered, "toml"));
    sandbox.write("plugins/long/distri.toml", &lowering);
    sandbox.build();
    sandbox
        .distri(&["call", "long/much", "--limit", "payload=10MiB"])
        .fails(1, &["100KiB in one call"]);
}

#[test]
fn the_page_on_manifests_works() {
    let page = page("manifest.md");
    let sandbox = Sandbox::with(&[
        ("plugins/weather/distri.toml", block(&page, "toml")),
        ("plugins/weather/index.ts", &tool("today", "return \"fair\";")),
        ("plugins/bare/mod.ts", &tool("t", "return 1;")),
    ]);
    sandbox.build();
    assert_eq!(sandbox.distri(&["call", "weather/today"]).json(), "fair");
    assert_eq!(sandbox.distri(&["call", "bare/t"]).json(), 1);
    let starlingmonkey = format!("{}[build]\nengine = \"starlingmonkey\"\n", block(&page, "toml"));
    sandbox.write("plugins/weather/distri.toml", &starlingmonkey);
    sandbox.distri(&["build"]).fails(1, &["starlingmonkey"]);
}

#[test]
fn the_page_on_agents_works() {
    let page = page("agents.md");
    let agent = block(&page, "markdown");
    let call = "return [await callAgent(input.agent, \"a\"), await callAgent(input.agent, \"b\"), await callAgent(input.agent, \"c\")];";
    let sandbox = Sandbox::with_plugin(&tool("ask", call));
    sandbox.write("agents/editor.md", agent);
    sandbox.build();
    run_all(&page, &sandbox);
    let agents = sandbox.distri(&["list", "agents", "--json"]).json();
    assert_eq!(agents[0]["name"], "editor", "{agents:#}");
    let ask = |name: &str| {
        sandbox.distri(&["call", "p/ask", "--input", &format!("{{\"agent\": \"{name}\"}}")])
    };
    let replies = serde_json::json!(["Short and friendly.", "Nothing to cut.", "Nothing to cut."]);
    assert_eq!(ask("editor").json(), replies);
    ask("editr").fails(1, &["there is no agent `editr`", "did you mean `editor`?"]);

    // Each key of the page is read, and refused with another type.
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), 5, "{rows:?}");
    for row in rows {
        let key = row.split('`').nth(1).unwrap();
        sandbox.write("agents/wrong.md", &format!("---\n{key} = {{}}\n---\n"));
        let run = sandbox.distri(&["list", "agents"]);
        assert!(run.stderr.contains("wrong.md:2"), "{key}: {run:#?}");
        assert!(run.stdout.contains("editor"), "{key}: {run:#?}");
    }
    // What is for later is read over; the name is the file's.
    sandbox.write(
        "agents/wrong.md",
        "---\nmax_iterations = 10\n[tools]\nbuiltin = [\"final\"]\n---\nYou are.\n",
    );
    let run = sandbox.distri(&["list", "agents"]);
    assert!(run.stdout.contains("wrong") && run.stderr.is_empty(), "{run:#?}");
    ask("wrong").fails(1, &["agents do not run models yet"]);
    sandbox.write("agents/wrong.md", "You are.\n");
    let run = sandbox.distri(&["list", "agents"]);
    assert!(run.stderr.contains("an agent's file begins with its settings"), "{run:#?}");
}

#[test]
fn the_programs_commands_of_the_page_on_toolchains_work() {
    let sandbox = Sandbox::with(&[]);
    run_all(&page("toolchains.md"), &sandbox);
    assert!(sandbox.path().join("wit/world.wit").is_file());
}

#[test]
fn the_plugins_in_the_readme_work() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let examples = Sandbox::examples();
    examples.write("plugins/greeter/mod.ts", block(&readme, "ts"));
    examples.write("plugins/checksum/src/lib.rs", block(&readme, "rust"));
    examples.build();
    let greet =
        |name: &str| examples.distri(&["call", name, "--input", "{\"name\":\"Ada\"}"]).json();
    assert_eq!(greet("greeter/greet"), serde_json::json!({ "greeting": "Hello, Ada!" }));
    assert_eq!(greet("checksum/greet"), "Hello, Ada!");
}

#[test]
fn every_help_shows_examples() {
    let sandbox = Sandbox::with(&[]);
    for command in [
        "build",
        "new",
        "check",
        "list",
        "call",
        "run",
        "inspect",
        "approve",
        "grants",
        "secrets",
        "wit",
        "conformance",
        "completions",
    ] {
        let run = sandbox.distri(&[command, "--help"]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("Examples:\n  distri "), "{run:#?}");
    }
    let run = sandbox.distri(&["completions", "bash"]);
    assert!(run.stdout.contains("_distri"), "{run:#?}");
}
